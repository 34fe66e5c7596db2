#include <gtest/gtest.h>

#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

// The first append after a clean stop does not fit in the segment any more: its state in the
// journal must not begin behind the last block of the segment that ends here.
TEST(log_roll, first_append_after_a_clean_stop_rolls) {
  quiet_logs quiet;
  log_ledger ledger;
  disk left = disk::with_directory("/data");
  {
    world host{{.seed = 1}, std::move(left)};
    log_node node{host, small_directory(1), ledger};
    ASSERT_EQ(node.start(), "");
    ASSERT_EQ(node.create(1, small_log()), "");
    for (auto size : {40'000, 40'000, 10'001}) ASSERT_EQ(node.append(1, size), "");
    ASSERT_EQ(node.close(), "");
    left = host.power_cut();
  }
  {
    world host{{.seed = 2}, std::move(left)};
    log_node node{host, small_directory(1), ledger};
    ASSERT_EQ(node.start(), "");
    for (auto size : {20'000, 300}) ASSERT_EQ(node.append(1, size), "");
    node.kill();
    left = host.power_cut();
  }
  auto after = recover(std::move(left), ledger.promises(), ledger, 1, 3);
  EXPECT_EQ(after.complaints, "");
}

// Long before the segment is full its index is: appends wait for the next segment, not for ever.
TEST(log_roll, full_index_rolls) {
  quiet_logs quiet;
  log_ledger ledger;
  world host{{.seed = 4}, disk::with_directory("/data")};
  log_node node{host, small_directory(1), ledger};
  ASSERT_EQ(node.start(), "");
  auto config = small_log();
  config.segment_index_bytes = 48;
  config.index_interval_bytes = 1;
  ASSERT_EQ(node.create(1, config), "");
  for (auto i = 0; i < 40; ++i) ASSERT_EQ(node.append(1, 100), "");
  EXPECT_EQ(node.check(ledger.promises()), "");
  EXPECT_EQ(node.close(), "");
}

}  // namespace
}  // namespace karst::sim
