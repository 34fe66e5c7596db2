#include "reactor/semaphore.h"

#include <gtest/gtest.h>

#include <vector>

#include "reactor/gate.h"
#include "reactor/task_set.h"
#include "tests/sim/sim_machine.h"

namespace karst {
namespace {

class semaphore_test : public testing::Test {
 protected:
  sim::world host_{{}};
  sim::machine cores_{host_, 1};
};

task<> take_and_note(semaphore& from, std::size_t units, std::vector<std::size_t>& order) {
  EXPECT_EQ(co_await from.take(units), wake_reason::signalled);
  order.push_back(units);
}

task<> pass_turns() { (void)co_await sleep_until(core::current().now() + 3ms); }

TEST_F(semaphore_test, serves_first_come_first_and_starves_nobody) {
  auto body = []() -> task<> {
    semaphore units{10};
    std::vector<std::size_t> order;
    task_set set;
    EXPECT_TRUE(units.try_take(8));
    set.spawn(take_and_note(units, 9, order));
    set.spawn(take_and_note(units, 1, order));
    EXPECT_TRUE(units.contended());
    EXPECT_FALSE(units.try_take(1)) << "overtook one who waits";
    co_await pass_turns();
    EXPECT_TRUE(order.empty());
    units.give(8);
    co_await set.join();
    EXPECT_EQ(order.size(), 2u);
    EXPECT_EQ(units.free(), 0u);
    units.give(10);
  };
  cores_.run(0, body());
}

TEST_F(semaphore_test, one_who_gives_up_lets_the_next_pass) {
  auto body = []() -> task<> {
    semaphore units{5};
    std::vector<std::size_t> order;
    task_set set;
    auto too_much = [](semaphore& from) -> task<> {
      EXPECT_EQ(co_await from.take(6, core::current().now() + 2ms), wake_reason::timed_out);
    };
    set.spawn(too_much(units));
    set.spawn(take_and_note(units, 3, order));
    EXPECT_EQ(units.free(), 5u);
    co_await set.join();
    EXPECT_EQ(units.free(), 2u);
  };
  cores_.run(0, body());
}

// Whatever ends each wait, in any order, no unit is lost or made.
TEST(semaphore, keeps_count_under_random_timeouts_and_aborts) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    sim::world host{{.seed = seed}};
    sim::machine cores{host, 1};
    auto user = [](semaphore& from, abort_source& stop, std::size_t& held) -> task<> {
      auto& random = core::current().clock();
      for (auto i = 0; i < 30; ++i) {
        auto const units = random.random() % 10 + 1;
        auto const patience = duration{static_cast<std::int64_t>(random.random() % 5'000'000)};
        auto const deadline = core::current().now() + patience;
        if (co_await from.take(units, deadline, &stop) != wake_reason::signalled) continue;
        held += units;
        EXPECT_LE(held, 10u);
        (void)co_await sleep_until(core::current().now() + patience / 2);
        held -= units;
        from.give(units);
      }
    };
    auto body = [](decltype(user)& make) -> task<> {
      semaphore units{10};
      abort_source stop;
      std::size_t held = 0;
      task_set set;
      for (auto i = 0; i < 8; ++i) set.spawn(make(units, stop, held));
      (void)co_await sleep_until(core::current().now() + 30ms);
      stop.request();
      co_await set.join();
      EXPECT_EQ(units.free(), 10u);
      EXPECT_FALSE(units.contended());
    };
    cores.run(0, body(user));
  }
}

TEST_F(semaphore_test, a_gate_closes_when_the_last_has_left) {
  auto body = []() -> task<> {
    gate door;
    task_set set;
    auto closed = false;
    auto visit = [](gate::holder, duration stay) -> task<> {
      (void)co_await sleep_until(core::current().now() + stay);
    };
    auto close = [](gate& owner, bool& done) -> task<> {
      co_await owner.close();
      done = true;
    };
    set.spawn(visit(door.enter(), 5ms));
    set.spawn(visit(door.enter(), 10ms));
    set.spawn(close(door, closed));
    EXPECT_TRUE(door.closed());
    EXPECT_EQ(door.inside(), 2u);
    (void)co_await sleep_until(core::current().now() + 7ms);
    EXPECT_FALSE(closed);
    co_await set.join();
    EXPECT_TRUE(closed);
  };
  cores_.run(0, body());
}

}  // namespace
}  // namespace karst
