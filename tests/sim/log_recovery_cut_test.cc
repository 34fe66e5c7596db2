#include <gtest/gtest.h>

#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

class log_recovery_cut : public testing::TestWithParam<std::uint64_t> {
  quiet_logs quiet_;
};

// A recovery that is itself cut after each of its operations, and run again: the same logs (I-11),
// nothing lost. Another core count each time, so that logs change journals and generations in
// between.
TEST_P(log_recovery_cut, a_recovery_cut_anywhere_and_run_again_gives_the_same_logs) {
  log_ledger ledger;
  auto images = cut_everywhere(
      {.seed = GetParam(), .rounds = 10, .stop_cleanly = GetParam() % 2 == 0}, ledger);
  for (std::size_t i = GetParam() % 17; i < images.size(); i += 17) {
    auto& image = images[i];
    auto const cores = static_cast<core_id>(1 + image.operation % 2);
    auto whole =
        recover(image.left.after_power_cut(random_source{1}), image.promises, ledger, cores, 1);
    ASSERT_EQ(whole.complaints, "")
        << "seed " << GetParam() << ", power cut after " << image.operation;
    auto const step = 1 + whole.operations / 24;
    for (std::uint64_t cut = 1 + i % step; cut <= whole.operations; cut += step) {
      world host{{.seed = cut}, image.left.after_power_cut(random_source{1})};
      host.cut_after(cut);
      {
        log_node node{host, small_directory(cores), ledger};
        (void)node.start();
      }
      if (!host.is_cut()) continue;
      auto again =
          recover(host.taken_cut(), image.promises, ledger, static_cast<core_id>(1 + cut % 3), 2);
      auto where = fmt::format("seed {}, power cut after {}, recovery cut after {} of {}",
                               GetParam(), image.operation, cut, whole.operations);
      ASSERT_EQ(again.complaints, "") << where;
      ASSERT_EQ(again.content, whole.content) << where;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, log_recovery_cut, testing::Values(1, 2));

// I-23: what a recovery reads is bounded by the journal window and the gap of the indexes, not by
// what is stored.
TEST(log_recovery, reads_no_more_than_the_journal_window_and_the_index_gap) {
  quiet_logs quiet;
  log_ledger ledger;
  auto images = cut_everywhere({.seed = 3, .rounds = 20}, ledger);
  auto const options = small_directory(2);
  // A journal is read three times at most: to find its window, for the map, for the replay. Each
  // log's last segment may be scanned.
  auto const window = options.journal_file_bytes * options.journal_files * options.cores * 3;
  auto const gap = 4 * static_cast<std::uint64_t>(small_log().segment_bytes);
  for (std::size_t i = 0; i < images.size(); i += 3) {
    auto& image = images[i];
    auto after = recover(std::move(image.left), image.promises, ledger, 2, 1);
    EXPECT_LE(after.bytes_read, window + gap) << "power cut after " << image.operation;
  }
}

}  // namespace
}  // namespace karst::sim
