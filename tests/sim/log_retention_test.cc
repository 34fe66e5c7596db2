#include <gtest/gtest.h>

#include "log/batch_builder.h"
#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

constexpr std::int64_t hour_ms = 3'600'000;

// Appends one batch of about `bytes` with this record time.
task<std::string> append_at(log::partition_log& log, wall_ms timestamp, std::size_t bytes) {
  log::batch_builder builder;
  builder.add(timestamp, std::nullopt, std::string(bytes, 'r'));
  auto batch = log::validated_batch::trusted(buffer_chain{builder.finish()});
  if (auto room = co_await log.room_for(batch.size()); !room) {
    co_return std::string{log::describe(room.error())};
  }
  auto const now = core::current().clock().wall_now();
  auto info = log.append(batch, {.epoch = log.latest_epoch(), .now = now});
  if (!info) co_return std::string{log::describe(info.error())};
  auto durable = co_await log.durable(info->end);
  co_return durable ? "" : std::string{log::describe(durable.error())};
}

task<std::string> advance(log::partition_log& log, log::offset to) {
  auto moved = co_await log.advance_log_start(to);
  co_return moved ? "" : std::string{log::describe(moved.error())};
}

// How many segments of log `id` the disk holds.
std::size_t segments_of(disk const& on, std::uint64_t id) {
  auto const directory = fmt::format("/data/topic{}-0/", id);
  return static_cast<std::size_t>(std::ranges::count_if(on.files("/data"), [&](auto const& path) {
    return path.starts_with(directory) && path.ends_with(".log");
  }));
}

class log_retention : public testing::Test {
 protected:
  // A node with log 1, which keeps records for an hour.
  log_node& start(log::log_config config = small_log(), std::uint64_t seed = 1) {
    config.retention_ms = hour_ms;
    host_ = std::make_unique<world>(world_options{.seed = seed}, disk::with_directory("/data"));
    node_ = std::make_unique<log_node>(*host_, small_directory(1), ledger_);
    EXPECT_EQ(node_->start(), "");
    EXPECT_EQ(node_->create(1, config), "");
    return *node_;
  }
  void append(wall_ms timestamp, std::size_t bytes = 30'000) {
    ASSERT_EQ(node_->cores().run(0, append_at(*node_->find(1), timestamp, bytes)), "");
  }
  log::partition_log& log() { return *node_->find(1); }

  quiet_logs quiet_;
  log_ledger ledger_;
  std::vector<disk> cuts_;  // outlives the host, which adds to it
  std::unique_ptr<world> host_;
  std::unique_ptr<log_node> node_;
};

TEST_F(log_retention, deletes_an_idle_log_whole_when_its_records_are_too_old) {
  auto& node = start();
  for (auto i = 0; i < 10; ++i) append(host_->wall_now());
  EXPECT_GT(segments_of(host_->storage(), 1), 2u);
  node.idle(50min);
  EXPECT_EQ(log().log_start().value, 0);
  node.idle(30min);
  EXPECT_EQ(log().log_start(), log().log_end());
  EXPECT_EQ(log().log_end().value, 10);
  EXPECT_EQ(segments_of(host_->storage(), 1), 1u);
  append(host_->wall_now());
  EXPECT_EQ(log().log_end().value, 11);
}

// KAFKA-1755 and its kin: one record from the future would keep its segment for ever.
TEST_F(log_retention, records_from_the_future_are_deleted_by_the_time_of_their_append) {
  auto& node = start();
  for (auto i = 0; i < 6; ++i) append(host_->wall_now() + 1000 * hour_ms);
  node.idle(30min);
  EXPECT_EQ(log().log_start().value, 0);
  ASSERT_EQ(node.close(), "");
  // The time of the append outlives the process.
  node_ = std::make_unique<log_node>(*host_, small_directory(1), ledger_);
  ASSERT_EQ(node_->start(), "");
  node_->idle(20min);
  EXPECT_EQ(log().log_start().value, 0);
  node_->idle(50min);
  EXPECT_EQ(log().log_start(), log().log_end());
}

TEST_F(log_retention, old_records_are_deleted_by_their_own_time) {
  auto& node = start();
  for (auto i = 0; i < 6; ++i) append(host_->wall_now() - 2 * hour_ms);
  append(host_->wall_now());
  node.idle(11min);
  EXPECT_GT(log().log_start().value, 0);
  EXPECT_LT(log().log_start(), log().log_end());
}

TEST_F(log_retention, an_idle_segment_ends_by_time) {
  auto config = small_log();
  config.segment_ms = 20 * 60'000;
  auto& node = start(config);
  append(host_->wall_now(), 100);
  node.idle(15min);
  EXPECT_EQ(segments_of(host_->storage(), 1), 1u);
  node.idle(15min);
  EXPECT_EQ(segments_of(host_->storage(), 1), 2u);
  // Once: an empty segment stays.
  node.idle(50min);
  EXPECT_LE(segments_of(host_->storage(), 1), 2u);
}

TEST_F(log_retention, by_size_keeps_at_least_that_much) {
  auto config = small_log();
  config.retention_bytes = 200'000;
  auto& node = start(config);
  for (auto i = 0; i < 20; ++i) append(host_->wall_now());
  node.idle(6min);
  EXPECT_GT(log().log_start().value, 0);
  EXPECT_GE(log().size_bytes(), 200'000u);
  EXPECT_LT(log().size_bytes(), 300'000u);
}

TEST_F(log_retention, the_log_start_may_lie_within_a_segment) {
  auto& node = start();
  for (auto i = 0; i < 10; ++i) append(host_->wall_now());
  ASSERT_EQ(node.cores().run(0, advance(log(), {7})), "");
  EXPECT_EQ(log().log_start().value, 7);
  EXPECT_NE(node.cores().run(0, advance(log(), {11})), "");
  node.kill();
  host_ = std::make_unique<world>(world_options{.seed = 2}, host_->power_cut());
  node_ = std::make_unique<log_node>(*host_, small_directory(1), ledger_);
  ASSERT_EQ(node_->start(), "");
  EXPECT_EQ(log().log_start().value, 7);
  auto read = node_->cores().run(0, read_batches(log()));
  ASSERT_TRUE(read) << read.error();
  EXPECT_EQ(read->size(), 3u);
  ASSERT_EQ(node_->cores().run(0, advance(log(), {10})), "");
  EXPECT_EQ(log().log_start(), log().log_end());
}

// Reads everything again and again; deletion may take the beginning away, nothing else.
task<> read_on(log::partition_log& log, bool const& enough, std::string& complaint,
               std::size_t& rounds) {
  while (!enough && complaint.empty()) {
    auto read = co_await read_batches(log);
    auto const gone = !read && read.error().ends_with("the offset is out of range");
    if (!read && !gone) complaint = read.error();
    for (std::size_t i = 1; read && i < read->size(); ++i) {
      if ((*read)[i].base != (*read)[i - 1].end) complaint = "a gap";
    }
    ++rounds;
  }
}

class log_retention_seeds : public log_retention,
                            public testing::WithParamInterface<std::uint64_t> {};

TEST_P(log_retention_seeds, segments_are_deleted_while_they_are_read) {
  start(small_log(), GetParam());
  for (auto i = 0; i < 16; ++i) append(host_->wall_now());
  // From files: what the process has in memory would hide them.
  ASSERT_EQ(node_->close(), "");
  node_ = std::make_unique<log_node>(*host_, small_directory(1), ledger_);
  ASSERT_EQ(node_->start(), "");
  bool enough = false;
  std::string complaint;
  std::size_t rounds = 0;
  for (auto i = 0; i < 3; ++i) node_->cores().start(0, read_on(log(), enough, complaint, rounds));
  for (auto to : {3, 5, 9, 12, 15}) {
    auto const before = rounds;
    node_->cores().run_until([&] { return rounds >= before + 3 || !complaint.empty(); });
    ASSERT_EQ(node_->cores().run(0, advance(log(), {to})), "");
  }
  enough = true;
  node_->idle(1s);
  EXPECT_EQ(complaint, "") << "seed " << GetParam();
}

INSTANTIATE_TEST_SUITE_P(seeds, log_retention_seeds, testing::Range<std::uint64_t>(1, 13));

// I-22, with the power cut after every operation: what is left begins where one of the two starts
// says, and is whole from there on.
TEST_F(log_retention, a_power_cut_amid_deletion_leaves_the_log_whole_from_its_start_on) {
  start();
  for (auto i = 0; i < 12; ++i) append(host_->wall_now());
  host_->on_operation([&](operation_record const& done) {
    for (std::uint64_t i = 0; i < 4; ++i) cuts_.push_back(host_->power_cut(4 * done.number + i));
  });
  ASSERT_EQ(node_->cores().run(0, advance(log(), {5})), "");
  ASSERT_EQ(node_->cores().run(0, advance(log(), {9})), "");
  node_->idle(2h);
  ASSERT_EQ(log().log_start().value, 12);
  ASSERT_GT(cuts_.size(), 40u);
  auto const cuts = std::move(cuts_);
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    world host{{.seed = i}, cuts[i].after_power_cut(random_source{1})};
    log_node node{host, small_directory(1), ledger_};
    ASSERT_EQ(node.start(), "") << i;
    auto* left = node.find(1);
    ASSERT_NE(left, nullptr) << i;
    EXPECT_EQ(left->log_end().value, 12) << i;
    auto const from = left->log_start().value;
    EXPECT_TRUE(from == 0 || from == 5 || from >= 9) << i << ": " << from;
    auto read = node.cores().run(0, read_batches(*left));
    ASSERT_TRUE(read) << i << ": " << read.error();
    EXPECT_EQ(read->size(), 12u - static_cast<std::size_t>(from)) << i;
  }
}

}  // namespace
}  // namespace karst::sim
