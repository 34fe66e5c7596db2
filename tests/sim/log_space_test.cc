#include <gtest/gtest.h>

#include "tests/sim/captured_logs.h"
#include "tests/sim/log_trace.h"

namespace karst::sim {
namespace {

constexpr std::uint64_t capacity = 8 * MiB;

log::directory_options small_volume(log::space_policy policy) {
  auto options = small_directory(2);
  options.space = {.hard_bytes = MiB, .soft_percent = 30, .policy = policy};
  return options;
}

// A file of somebody else's, which leaves so many bytes free.
void leave_free(world& host, std::uint64_t bytes) {
  auto& disk = host.storage();
  auto const now = disk.free_bytes();
  if (now > bytes) {
    ASSERT_TRUE(disk.take_space((now - bytes) / block_size));
  } else {
    disk.give_space((bytes - now) / block_size);
  }
}

class log_space : public testing::Test {
 protected:
  log_space() { host_.storage().set_capacity(capacity); }
  void start(log::space_policy policy) {
    node_.emplace(host_, small_volume(policy), ledger_);
    ASSERT_EQ(node_->start(), "");
    for (std::uint64_t id : {1, 2, 3}) ASSERT_EQ(node_->create(id, small_log()), "");
  }
  std::string why(std::uint64_t id) {
    return node_->find(id)->why_refused(log::errc::space_exhausted);
  }

  captured_logs logs_;
  world host_{{.seed = 3}, disk::with_directory("/data")};
  log_ledger ledger_;
  std::optional<log_node> node_;
  std::string const no_room_{log::describe(log::errc::space_exhausted)};
};

// Filled and emptied again and again: produce is refused at the hard mark and goes on by itself;
// reading and deleting go on all the time; nothing acknowledged is lost.
TEST_F(log_space, a_full_volume_refuses_appends_until_there_is_room) {
  start(log::space_policy::refuse);
  for (int cycle = 0; cycle < 20; ++cycle) {
    for (std::uint64_t id : {1, 2, 3}) ASSERT_EQ(node_->append(id, 5000), "") << cycle;
    // Now below the mark, now nothing at all; again when what was allocated ahead has come back.
    for (int twice = 0; twice < 2; ++twice) {
      leave_free(host_, cycle % 3 == 0 ? 0 : MiB / 2);
      node_->idle(6s);
    }
    for (std::uint64_t id : {1, 2, 3}) ASSERT_EQ(node_->append(id, 5000), no_room_) << cycle;
    ASSERT_TRUE(why(1).contains("/data has ")) << why(1);
    ASSERT_TRUE(why(1).contains("hard mark of 1048576 bytes")) << why(1);
    ASSERT_EQ(node_->check(ledger_.promises()), "") << cycle;
    leave_free(host_, 5 * MiB);
    node_->idle(2s);
    if (cycle % 5 == 4) ASSERT_EQ(node_->remove(3), "");
    if (cycle % 5 == 4) {
      ledger_.books.erase(3);
      ASSERT_EQ(node_->create(3, small_log()), "");
    }
  }
  EXPECT_GE(captured_logs::count("produce requests are refused until there is room"), 20U);
  EXPECT_EQ(captured_logs::count("takes no more writes"), 0U);
  ASSERT_EQ(node_->close(), "");
  node_.reset();
  auto after = recover(host_.power_cut(), ledger_.promises(), ledger_, 1, 9);
  EXPECT_EQ(after.complaints, "");
}

// What an allocation was refused ends as soon as something is deleted, without waiting for a clock.
TEST_F(log_space, a_deletion_makes_room_at_once) {
  start(log::space_policy::refuse);
  for (int i = 0; i < 40; ++i) ASSERT_EQ(node_->append(1, 24 * KiB), "");
  for (int i = 0; i < 10; ++i) ASSERT_EQ(node_->append(2, 24 * KiB), "");
  for (int twice = 0; twice < 2; ++twice) {
    leave_free(host_, MiB * 3 / 4);
    node_->idle(6s);
  }
  ASSERT_EQ(node_->append(2, 100), no_room_);
  auto const before = host_.now();
  ASSERT_EQ(node_->remove(1), "");
  while (node_->append(2, 100) == no_room_) node_->idle(5ms);
  EXPECT_LT(host_.now() - before, 500ms);
}

// The declared policy: the oldest segments over all logs go until the soft mark is kept.
TEST_F(log_space, the_oldest_segments_go_first_where_that_is_declared) {
  start(log::space_policy::delete_oldest);
  // Segment by segment, one log after the other.
  for (std::uint64_t round = 0; round < 6; ++round) {
    for (std::uint64_t id : {1, 2, 3}) {
      for (int i = 0; i < 4; ++i) ASSERT_EQ(node_->append(id, 24 * KiB), "");
      node_->idle(1s);
    }
  }
  for (std::uint64_t id : {1, 2, 3}) EXPECT_EQ(node_->find(id)->log_start().value, 0);
  auto const wanted = capacity * 3 / 10 + 300 * KiB;
  leave_free(host_, capacity * 3 / 10 - 200 * KiB);
  node_->idle(20s);
  EXPECT_GT(host_.storage().free_bytes(), capacity * 3 / 10);
  EXPECT_LT(host_.storage().free_bytes(), wanted + 400 * KiB);
  EXPECT_GE(captured_logs::count("before its time"), 4U);
  std::int64_t least = 1000;
  std::int64_t most = 0;
  for (std::uint64_t id : {1, 2, 3}) {
    auto const start = node_->find(id)->log_start().value;
    least = std::min(least, start);
    most = std::max(most, start);
    EXPECT_EQ(node_->append(id, 100), "");
  }
  // By age, not from one log alone.
  EXPECT_GT(least, 0);
  EXPECT_LE(most - least, 8);
  for (std::uint64_t id : {1, 2, 3}) {
    auto* log = node_->find(id);
    auto read = node_->cores().run(static_cast<core_id>(id % 2), read_batches(*log));
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->front().base, log->log_start().value);
    EXPECT_EQ(read->back().end, log->durable_end().value);
  }
}

TEST_F(log_space, nothing_is_deleted_unless_it_is_declared) {
  start(log::space_policy::refuse);
  for (int i = 0; i < 30; ++i) ASSERT_EQ(node_->append(1, 24 * KiB), "");
  leave_free(host_, capacity * 3 / 10 - 200 * KiB);
  node_->idle(20s);
  EXPECT_EQ(node_->find(1)->log_start().value, 0);
  EXPECT_EQ(captured_logs::count("soft mark"), 1U);
  EXPECT_EQ(node_->append(1, 100), "");
}

// Space that was allocated ahead is free again soon after the hard mark.
TEST_F(log_space, what_is_allocated_ahead_is_given_back) {
  start(log::space_policy::refuse);
  for (std::uint64_t id : {1, 2, 3}) {
    for (int i = 0; i < 3; ++i) ASSERT_EQ(node_->append(id, 24 * KiB), "");
  }
  leave_free(host_, MiB / 2);
  node_->idle(10s);
  EXPECT_GT(host_.storage().free_bytes(), MiB / 2 + 64 * KiB);
  leave_free(host_, 5 * MiB);
  node_->idle(2s);
  for (std::uint64_t id : {1, 2, 3}) {
    for (int i = 0; i < 10; ++i) ASSERT_EQ(node_->append(id, 24 * KiB), "");
  }
  EXPECT_EQ(host_.violations(), std::vector<std::string>{});
  EXPECT_EQ(node_->check(ledger_.promises()), "");
  ASSERT_EQ(node_->close(), "");
}

}  // namespace
}  // namespace karst::sim
