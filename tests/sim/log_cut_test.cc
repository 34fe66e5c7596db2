#include <gtest/gtest.h>

#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

// STORAGE.md 8: every invariant that can be seen from outside, with the power cut after every I/O.

TEST(log_cut, the_trace_itself_keeps_every_promise) {
  disk start;
  start.prepare_directory("/data");
  world host{{.seed = 1}, std::move(start)};
  log_ledger ledger;
  ASSERT_EQ(run_trace(host, ledger, {.seed = 1}), "");
  EXPECT_EQ(host.violations(), std::vector<std::string>{});
  std::int64_t records = 0;
  for (auto const& [id, book] : ledger.books) {
    EXPECT_EQ(book.acked, book.claimed);
    records += book.acked;
  }
  EXPECT_GT(records, 200);
  log_node node{host, small_directory(1), ledger};
  ASSERT_EQ(node.start(), "");
  EXPECT_TRUE(node.report().clean);
  EXPECT_EQ(node.check(ledger.promises()), "");
}

TEST(log_cut, the_same_seed_gives_the_same_trace) {
  auto trace_of = [](std::uint64_t seed) {
    disk start;
    start.prepare_directory("/data");
    world host{{.seed = seed}, std::move(start)};
    log_ledger ledger;
    run_trace(host, ledger, {.seed = seed, .rounds = 8});
    return host.trace_hash();
  };
  EXPECT_EQ(trace_of(5), trace_of(5));
  EXPECT_NE(trace_of(5), trace_of(6));
}

class log_cut_everywhere : public testing::TestWithParam<trace_options> {
  quiet_logs quiet_;
};

TEST_P(log_cut_everywhere, no_acknowledged_record_is_lost) {
  log_ledger ledger;
  auto images = cut_everywhere(GetParam(), ledger);
  ASSERT_GT(images.size(), 100u);
  for (auto& image : images) {
    auto const cores = static_cast<core_id>(1 + image.operation % 3);
    auto after = recover(std::move(image.left), image.promises, ledger, cores, image.operation);
    ASSERT_EQ(after.complaints, "")
        << "seed " << GetParam().seed << ", power cut after operation " << image.operation << " ("
        << image.after << ")" << ", recovered on " << cores << " cores";
  }
}

INSTANTIATE_TEST_SUITE_P(traces, log_cut_everywhere,
                         testing::Values(trace_options{.seed = 1},
                                         trace_options{.seed = 2, .cores = 2, .cores_later = 1},
                                         trace_options{
                                             .seed = 3, .rounds = 12, .stop_cleanly = false}));

}  // namespace
}  // namespace karst::sim
