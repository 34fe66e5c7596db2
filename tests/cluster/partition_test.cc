#include "cluster/partition.h"

#include <gtest/gtest.h>

#include "cluster/broker.h"
#include "cluster/every_core.h"
#include "cluster/movement.h"
#include "log/batch_builder.h"
#include "tests/cluster/memory_log.h"
#include "tests/sim/quiet_logs.h"
#include "tests/sim/sim_machine.h"

namespace karst::cluster {
namespace {

buffer_chain batch_of(int records, log::codec compression = log::codec::none) {
  log::batch_builder builder{{.compression = compression}};
  for (int i = 0; i < records; ++i) builder.add(1000 + i, "key", std::string(100, 'v'));
  return buffer_chain{builder.finish()};
}

// One partition on each of two cores.
class partition_test : public ::testing::Test {
 protected:
  partition_test() {
    cores_.run_on_each([this](core_id) { return open(); });
  }
  ~partition_test() override {
    cores_.run_on_each([this](core_id) { return close(); });
  }

  static log::log_id log_on(core_id core) { return {core + 1U}; }
  task<> open() {
    auto here = core::current().id();
    broker_.local().partitions =
        std::make_unique<partition_manager>(std::make_unique<testing::memory_log_manager>());
    auto made = co_await broker_.partitions().create(
        {.log = log_on(here), .topic = "t", .index = here, .epoch = {3}, .config = {}});
    KARST_ASSERT(made);
  }
  task<> close() {
    (void)co_await broker_.partitions().close({});
    broker_.local().partitions.reset();
  }
  partition& on(core_id core) {
    core::scope inside{cores_.at(core)};
    return *broker_.partitions().find(log_on(core));
  }
  testing::memory_log& memory_on(core_id core) {
    return static_cast<testing::memory_log&>(on(core).log());
  }
  expected<log::append_info, append_error> append(buffer_chain const& records,
                                                  append_options options = {}) {
    return cores_.run(0, on(0).append(records, options));
  }

  sim::quiet_logs quiet_;
  sim::world world_{{.seed = 3}};
  sim::machine cores_{world_, 2};
  broker broker_{{.id = 1}, {}, 2};
};

TEST_F(partition_test, gives_offsets_and_stamps_its_epoch) {
  auto first = append(batch_of(3));
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->first.value, 0);
  EXPECT_EQ(append(batch_of(2))->first.value, 3);
  EXPECT_EQ(on(0).log().log_end().value, 5);
  EXPECT_EQ(on(0).log().latest_epoch().value, 3);
}

TEST_F(partition_test, a_refusal_says_why_and_appends_nothing) {
  auto broken = batch_of(1).linearize();
  auto changed = buffer::copy_of(broken.bytes());
  changed.data()[changed.size() - 1] ^= std::byte{1};
  auto refused = append(buffer_chain{std::move(changed)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, log::errc::corrupt_batch);
  auto config = on(0).log().config();
  config.max_message_bytes = 100;
  on(0).log().set_config(config);
  auto large = append(batch_of(10));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, log::errc::batch_too_large);
  EXPECT_NE(large.error().message.find("100"), std::string::npos);
  EXPECT_EQ(on(0).log().log_end().value, 0);
}

TEST_F(partition_test, zstd_needs_produce_7) {
  auto refused = append(batch_of(3, log::codec::zstd), {.produce_version = 6});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, log::errc::unsupported_compression);
  EXPECT_TRUE(append(batch_of(3, log::codec::zstd), {.produce_version = 7}));
}

task<> append_into(partition& target, buffer_chain const& records, std::vector<std::int64_t>& order,
                   std::size_t mine) {
  auto appended = co_await target.append(records, {});
  KARST_ASSERT(appended);
  order[mine] = appended->first.value;
}

// A large compressed batch is validated in slices; small ones that come after it stay behind it.
TEST_F(partition_test, appends_take_effect_in_the_order_of_the_calls) {
  std::vector<buffer_chain> batches;
  for (int i = 0; i < 20; ++i) {
    batches.push_back(i % 5 == 0 ? batch_of(4000, log::codec::gzip) : batch_of(1));
  }
  std::vector<std::int64_t> order(batches.size(), -1);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    cores_.start(0, append_into(on(0), batches[i], order, i));
  }
  cores_.run_until([&] { return std::ranges::find(order, -1) == order.end(); });
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

task<> wait_committed(partition& target, log::offset end, std::optional<bool>& outcome) {
  outcome = (co_await target.committed(end)).has_value();
}

TEST_F(partition_test, an_acknowledgement_waits_for_the_disk) {
  memory_on(0).hold();
  auto appended = append(batch_of(2));
  std::optional<bool> done;
  cores_.start(0, wait_committed(on(0), appended->end, done));
  cores_.run(0, on(0).read({0}, read_bound::log_end, {.max_bytes = 1}));
  EXPECT_FALSE(done);
  EXPECT_EQ(on(0).high_watermark().value, 0);
  cores_.run(0, [](testing::memory_log& log) -> task<> {
    log.release();
    co_return;
  }(memory_on(0)));
  cores_.run_until([&] { return done.has_value(); });
  EXPECT_TRUE(*done);
}

TEST_F(partition_test, with_flush_messages_above_one_it_does_not) {
  auto config = on(0).log().config();
  config.flush_messages = 1000;
  on(0).log().set_config(config);
  memory_on(0).hold();
  auto appended = append(batch_of(2));
  EXPECT_TRUE(cores_.run(0, on(0).committed(appended->end)));
}

TEST_F(partition_test, an_append_whose_room_was_taken_asks_for_room_again) {
  memory_on(0).take_room_once();
  auto appended = append(batch_of(2));
  ASSERT_TRUE(appended);
  EXPECT_EQ(on(0).log().log_end(), appended->end);
}

TEST_F(partition_test, consumers_see_no_more_than_the_high_watermark) {
  append(batch_of(2));
  memory_on(0).hold();
  append(batch_of(2));
  auto seen = cores_.run(0, on(0).read({0}, read_bound::high_watermark, {.max_bytes = 1 * MiB}));
  ASSERT_TRUE(seen);
  auto all = cores_.run(0, on(0).read({0}, read_bound::log_end, {.max_bytes = 1 * MiB}));
  ASSERT_TRUE(all);
  EXPECT_LT(seen->records.size(), all->records.size());
  EXPECT_FALSE(cores_.run(0, on(0).read({3}, read_bound::high_watermark, {.max_bytes = 1})));
}

task<> park(broker& broker, std::vector<watched_partition> watched, time_point deadline,
            abort_source* abort, std::optional<wake_reason>& outcome) {
  outcome = co_await wait_for_movement(broker, std::move(watched), deadline, abort);
}

class parked_fetch : public partition_test {
 protected:
  std::vector<watched_partition> both(std::int64_t seen = 0) {
    return {{0, log_on(0), {seen}}, {1, log_on(1), {seen}}};
  }
  std::optional<wake_reason> woken_;
};

TEST_F(parked_fetch, wakes_when_a_partition_of_another_core_moves) {
  cores_.start(0, park(broker_, both(), never, nullptr, woken_));
  auto records = batch_of(1);
  cores_.run(1, on(1).append(records, {}));
  cores_.run_until([&] { return woken_.has_value(); });
  EXPECT_EQ(*woken_, wake_reason::signalled);
}

TEST_F(parked_fetch, does_not_sleep_over_what_came_before_it) {
  append(batch_of(1));
  auto reason = cores_.run(0, wait_for_movement(broker_, both(0), never, nullptr));
  EXPECT_EQ(reason, wake_reason::signalled);
}

TEST_F(parked_fetch, ends_at_its_deadline_and_leaves_no_subscription) {
  auto deadline = cores_.at(0).now() + 500ms;
  EXPECT_EQ(cores_.run(0, wait_for_movement(broker_, both(), deadline, nullptr)),
            wake_reason::timed_out);
  EXPECT_GE(cores_.at(0).now(), deadline);
  append(batch_of(1));  // notifies nobody
}

TEST_F(parked_fetch, ends_when_the_connection_closes) {
  abort_source closing;
  cores_.start(0, park(broker_, both(), never, &closing, woken_));
  cores_.run(0, [](abort_source& source) -> task<> {
    source.request();
    co_return;
  }(closing));
  cores_.run_until([&] { return woken_.has_value(); });
  EXPECT_EQ(*woken_, wake_reason::aborted);
}

task<> remove_here(broker& broker, log::log_id log) {
  auto removed = co_await broker.partitions().remove(log);
  KARST_ASSERT(removed);
}

TEST_F(parked_fetch, wakes_when_a_partition_is_deleted) {
  cores_.start(0, park(broker_, both(), never, nullptr, woken_));
  cores_.run(1, remove_here(broker_, log_on(1)));
  cores_.run_until([&] { return woken_.has_value(); });
  EXPECT_EQ(*woken_, wake_reason::signalled);
}

TEST_F(partition_test, deletion_ends_waits_with_closed_and_the_log_id_finds_nothing) {
  memory_on(0).hold();
  auto appended = append(batch_of(1));
  std::optional<bool> done;
  cores_.start(0, wait_committed(on(0), appended->end, done));
  cores_.run(0, remove_here(broker_, log_on(0)));
  cores_.run_until([&] { return done.has_value(); });
  EXPECT_FALSE(*done);
  core::scope inside{cores_.at(0)};
  EXPECT_EQ(broker_.partitions().find(log_on(0)), nullptr);
}

}  // namespace
}  // namespace karst::cluster
