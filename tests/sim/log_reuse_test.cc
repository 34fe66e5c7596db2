#include <gtest/gtest.h>

#include "log/journal_format.h"
#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

// Starts that find what earlier ones left, whole or in part.
class log_reuse : public testing::Test {
 protected:
  quiet_logs quiet_;
  log_ledger ledger_;
};

log::directory_options with_larger_journals() {
  auto options = small_directory(1);
  options.journal_file_bytes *= 2;
  return options;
}

// One start, and a little work, with the power cut somewhere in it.
disk cut_by(disk image, log::directory_options const& options, log_ledger& ledger,
            random_source& random, std::uint64_t operations_most) {
  world host{{.seed = random.next()}, std::move(image)};
  host.cut_after(random.between(1, operations_most));
  {
    log_node node{host, options, ledger};
    if (node.start().empty() && node.find(1) != nullptr) {
      // What the cut before took is gone: another batch may take its offset.
      (void)node.settle(1);
      (void)node.append(1, 100);
    }
    node.kill();
  }
  return host.is_cut() ? host.taken_cut() : host.power_cut();
}

TEST_F(log_reuse, files_whose_names_a_killed_start_left_unsure_are_made_sure_before_others_go) {
  auto first = true;
  world host{{.seed = 5}, disk::with_directory("/data")};
  {
    log_node node{host, small_directory(1), ledger_};
    ASSERT_EQ(node.start(), "");
    for (std::uint64_t id : {1, 2}) ASSERT_EQ(node.create(id, small_log()), "");
    for (auto i = 0; i < 10; ++i) ASSERT_EQ(node.append(1 + i % 2, 700), "");
    ASSERT_EQ(node.close(), "");
  }
  {
    // Ends when its journal's files are made, and their names are not synced.
    log_node node{host, with_larger_journals(), ledger_};
    host.on_operation([&](operation_record const& done) {
      if (done.code != opcode::allocate || !std::exchange(first, false)) return;
      host.inject({.code = opcode::sync, .error = errc::io_error, .sticky = true});
    });
    ASSERT_NE(node.start(), "");
    node.kill();
  }
  std::vector<disk> cuts;
  host.on_operation([&](operation_record const& done) {
    if (done.code != opcode::unlink) return;
    for (std::uint64_t i = 0; i < 20; ++i) cuts.push_back(host.power_cut(20 * done.number + i));
  });
  {
    log_node node{host, with_larger_journals(), ledger_};
    ASSERT_EQ(node.start(), "");
  }
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    auto after = recover(std::move(cuts[i]), ledger_.promises(), ledger_, 1, i);
    ASSERT_EQ(after.complaints, "") << "cut " << i << " of the third start";
  }
}

// The journal of an older start stays as long as a log of it is offline. What a newer one said of
// the others may be in its damaged part: they must not be served as the older one left them.
TEST_F(log_reuse, a_damaged_journal_is_not_replaced_by_an_older_one) {
  world host{{.seed = 6}, disk::with_directory("/data")};
  {
    log_node node{host, small_directory(1), ledger_};
    ASSERT_EQ(node.start(), "");
    for (std::uint64_t id : {1, 2}) ASSERT_EQ(node.create(id, small_log()), "");
    for (auto i = 0; i < 10; ++i) ASSERT_EQ(node.append(1 + i % 2, 700), "");
    node.kill();
  }
  log_node node{host, with_larger_journals(), ledger_};
  host.inject({.code = opcode::unlink, .error = errc::io_error, .sticky = true});
  ASSERT_NE(node.start(), "");
  host.clear_faults();
  for (auto i = 0; i < 10; ++i) ASSERT_EQ(node.append(1 + i % 2, 700), "");
  auto const promises = ledger_.promises();

  auto left = host.power_cut();
  auto damaged = 0;
  for (auto const& path : left.files("/data")) {
    if (path.find("karst-journal-") == std::string::npos) continue;
    auto const content = left.content(path);
    auto const bytes = std::as_bytes(std::span{content});
    auto header = log::journal_file_header::decode(bytes);
    auto group = log::group_header::decode(bytes.subspan(block_size));
    if (!header || header->file_bytes != with_larger_journals().journal_file_bytes) continue;
    if (!group || group->run != header->run || group->sequence != 1) continue;
    left.find(path)->data.damage(block_size + 100, 0x10);
    ++damaged;
  }
  ASSERT_EQ(damaged, 1);
  world again{{.seed = 7}, std::move(left)};
  log_node after{again, with_larger_journals(), ledger_};
  ASSERT_EQ(after.start(), "");
  EXPECT_NE(after.report().damage, "");
  for (std::uint64_t id : {1, 2}) EXPECT_EQ(after.find(id), nullptr) << "log " << id;
}

TEST_F(log_reuse, a_start_that_failed_does_not_look_like_a_clean_stop_to_kafka) {
  world host{{.seed = 8}, disk::with_directory("/data")};
  auto const* said_clean = "/data/.kafka_cleanshutdown";
  {
    log_node node{host, small_directory(1), ledger_};
    ASSERT_EQ(node.start(), "");
    ASSERT_EQ(node.create(1, small_log()), "");
    ASSERT_EQ(node.close(), "");
    ASSERT_NE(host.storage().find(said_clean), nullptr);
  }
  log_node node{host, with_larger_journals(), ledger_};
  host.inject({.code = opcode::allocate, .error = errc::no_space, .sticky = true});
  ASSERT_NE(node.start(), "");
  host.clear_faults();
  ASSERT_EQ(node.close(), "");
  EXPECT_EQ(host.storage().find(said_clean), nullptr);
}

// Starts and starts again, each cut short, after a life whose only log was removed: what is left of
// the first journal is never taken for damage.
TEST_F(log_reuse, what_cut_starts_leave_of_an_old_journal_is_not_damage) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    random_source random{seed};
    log_ledger ledger;
    world host{{.seed = seed}, disk::with_directory("/data")};
    {
      log_node node{host, small_directory(1), ledger};
      ASSERT_EQ(node.start(), "");
      ASSERT_EQ(node.create(1, small_log()), "");
      for (auto i = random.between(3, 30); i != 0; --i) (void)node.append(1, 9000);
      host.cut_after(host.operations() + random.between(1, 12));
      (void)node.remove(1);
    }
    auto left = host.is_cut() ? host.taken_cut() : host.power_cut();
    for (auto i = 0; i < 3; ++i) {
      left = cut_by(std::move(left), small_directory(1), ledger, random, 120);
    }
    world last{{.seed = seed}, std::move(left)};
    log_node node{last, small_directory(1), ledger};
    ASSERT_EQ(node.start(), "") << "seed " << seed;
    ASSERT_EQ(node.report().damage, "") << "seed " << seed;
    ASSERT_EQ(node.check(ledger.promises()), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace karst::sim
