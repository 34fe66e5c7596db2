#include <gtest/gtest.h>

#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

// What states and lengths of files decide at a start.
class log_state_test : public testing::Test {
 protected:
  void begin(disk start = disk::with_directory("/data"), core_id cores = 1) {
    node_.reset();
    host_ = std::make_unique<world>(world_options{.seed = ++seed_}, std::move(start));
    node_ = std::make_unique<log_node>(*host_, small_directory(cores), ledger_);
    ASSERT_EQ(node_->start(), "");
  }
  void check() { EXPECT_EQ(node_->check(ledger_.promises()), ""); }

  quiet_logs quiet_;
  log_ledger ledger_;
  std::uint64_t seed_ = 0;
  std::unique_ptr<world> host_;
  std::unique_ptr<log_node> node_;
};

// I-8: nothing is written to log 1 any more while log 2 goes round the journal again and again.
TEST_F(log_state_test, a_log_that_nobody_writes_to_keeps_its_state_in_the_journal) {
  begin();
  for (std::uint64_t id : {1, 2}) ASSERT_EQ(node_->create(id, small_log()), "");
  ASSERT_EQ(node_->append(1, 500), "");
  ASSERT_EQ(node_->close(), "");
  begin(host_->power_cut());
  for (auto i = 0; i < 60; ++i) ASSERT_EQ(node_->append(2, 40'000), "");
  node_->kill();
  begin(host_->power_cut(), 2);
  check();
  // Nor does it vanish when its state lies in what an earlier start left.
  for (auto i = 0; i < 60; ++i) ASSERT_EQ(node_->append(2, 40'000), "");
  node_->kill();
  begin(host_->power_cut());
  check();
  EXPECT_EQ(node_->append(1, 500), "");
}

task<std::string> make_room(log::partition_log& log) {
  auto room = co_await log.room_for(2000);
  co_return room ? "" : std::string{log::describe(room.error())};
}

// I-16: space was allocated, and with it the file grew, but nothing came of it.
TEST_F(log_state_test, space_allocated_ahead_is_not_taken_for_records) {
  begin();
  ASSERT_EQ(node_->create(1, small_log()), "");
  for (auto i = 0; i < 5; ++i) ASSERT_EQ(node_->append(1, 700), "");
  ASSERT_EQ(node_->close(), "");
  begin(std::move(host_->storage()));
  ASSERT_EQ(node_->cores().run(0, make_room(*node_->find(1))), "");
  node_->kill();
  // The system lives on: the file stays as long as it was made.
  begin(std::move(host_->storage()));
  check();
  EXPECT_EQ(node_->append(1, 700), "");
  ASSERT_EQ(node_->close(), "");
  begin(host_->power_cut());
  check();
}

// I-19: a recovery that meets wrong bytes among those that were durable neither serves what it
// found before them nor cuts there.
TEST_F(log_state_test, damage_below_the_durable_end_takes_the_partition_offline) {
  begin();
  for (std::uint64_t id : {1, 2}) ASSERT_EQ(node_->create(id, small_log()), "");
  for (auto i = 0; i < 16; ++i) ASSERT_EQ(node_->append(1, 5000), "");
  // Far enough for the destaging of what log 1 has.
  for (auto i = 0; i < 60; ++i) ASSERT_EQ(node_->append(2, 40'000), "");
  // One more: the last block of log 1 is in the journal, and the log must be recovered.
  ASSERT_EQ(node_->append(1, 300), "");
  node_->kill();
  auto left = host_->power_cut();
  auto const path = std::string{"/data/topic1-0/00000000000000000000.log"};
  auto const length = left.content(path).size();
  left.find(path)->data.damage(30'000, 0x40);
  auto const damaged = left.content(path);
  begin(std::move(left));
  EXPECT_EQ(node_->check(ledger_.promises()), "log 1: damaged, offline\n");
  node_->kill();
  EXPECT_GE(host_->storage().content(path).size(), damaged.find_last_not_of('\0'));
  EXPECT_EQ(host_->storage().content(path).substr(0, 40'000), damaged.substr(0, 40'000));
  EXPECT_GE(length, 40'000u);
}

// I-23: of a long segment whose indexes were written as it grew only the end is read.
TEST_F(log_state_test, recovery_reads_only_what_the_indexes_do_not_cover) {
  begin();
  auto config = small_log();
  config.segment_bytes = 64 * MiB;
  config.segment_index_bytes = MiB;
  ASSERT_EQ(node_->create(1, config), "");
  for (auto i = 0; i < 200; ++i) ASSERT_EQ(node_->append(1, 30'000), "");
  node_->kill();
  auto const options = small_directory(1);
  auto const window = options.journal_file_bytes * options.journal_files;
  auto after = recover(host_->power_cut(), ledger_.promises(), ledger_, 1, 9);
  EXPECT_EQ(after.complaints, "");
  // 64 index entries are written together, each 4 KiB and one batch behind the one before.
  EXPECT_LE(after.bytes_read, 3 * window + 65 * 35'000);
}

}  // namespace
}  // namespace karst::sim
