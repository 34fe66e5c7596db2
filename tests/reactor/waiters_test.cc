#include "reactor/waiters.h"

#include <gtest/gtest.h>

#include <vector>

#include "reactor/event.h"
#include "reactor/task_set.h"
#include "tests/sim/sim_machine.h"

namespace karst {
namespace {

class waiters_test : public testing::Test {
 protected:
  waiters_test() { cores_.at(0).scheduler().set_picker({}); }
  sim::world host_{{}};
  sim::machine cores_{host_, 1};
};

task<> wait_and_note(waiters& queue, int number, std::vector<int>& woken) {
  EXPECT_EQ(co_await queue.wait(), wake_reason::signalled);
  woken.push_back(number);
}

task<> yield() { (void)co_await sleep_until(core::current().now()); }

TEST_F(waiters_test, wakes_in_order_of_arrival_and_only_those_who_wait) {
  auto body = []() -> task<> {
    waiters queue;
    std::vector<int> woken;
    task_set set;
    queue.wake_one();
    for (auto i = 0; i < 4; ++i) set.spawn(wait_and_note(queue, i, woken));
    queue.wake_one();
    EXPECT_TRUE(woken.empty()) << "resumed inside wake_one";
    co_await yield();
    EXPECT_EQ(woken, (std::vector{0}));
    queue.wake_all();
    set.spawn(wait_and_note(queue, 9, woken));
    co_await yield();
    EXPECT_EQ(woken, (std::vector{0, 1, 2, 3}));
    queue.wake_all();
    co_await set.join();
    EXPECT_TRUE(queue.empty());
  };
  cores_.run(0, body());
}

TEST_F(waiters_test, a_deadline_ends_the_wait) {
  auto body = []() -> task<> {
    waiters queue;
    auto const start = core::current().now();
    EXPECT_EQ(co_await queue.wait(start + 10ms), wake_reason::timed_out);
    EXPECT_GE(core::current().now(), start + 10ms);
    EXPECT_LE(core::current().now(), start + 11ms);
    EXPECT_TRUE(queue.empty());
  };
  cores_.run(0, body());
}

TEST_F(waiters_test, an_abort_ends_the_wait_before_and_during) {
  auto body = []() -> task<> {
    waiters queue;
    abort_source abort;
    task_set set;
    auto waiting = [](waiters& on, abort_source& stop) -> task<> {
      EXPECT_EQ(co_await on.wait(never, &stop), wake_reason::aborted);
    };
    set.spawn(waiting(queue, abort));
    abort.request();
    EXPECT_TRUE(queue.empty());
    co_await set.join();
    EXPECT_EQ(co_await queue.wait(never, &abort), wake_reason::aborted);
    EXPECT_EQ(co_await sleep_until(never, &abort), wake_reason::aborted);
  };
  cores_.run(0, body());
}

TEST_F(waiters_test, the_first_reason_stays) {
  auto body = []() -> task<> {
    waiters queue;
    abort_source abort;
    task_set set;
    auto waiting = [](waiters& on, abort_source& stop) -> task<> {
      auto const deadline = core::current().now() + 1ms;
      EXPECT_EQ(co_await on.wait(deadline, &stop), wake_reason::signalled);
    };
    set.spawn(waiting(queue, abort));
    queue.wake_one();
    abort.request();
    co_await set.join();
  };
  cores_.run(0, body());
}

TEST_F(waiters_test, an_event_stays_set_until_reset) {
  auto body = []() -> task<> {
    event one;
    auto const soon = core::current().now() + 5ms;
    EXPECT_EQ(co_await one.wait(soon), wake_reason::timed_out);
    one.set();
    EXPECT_EQ(co_await one.wait(), wake_reason::signalled);
    EXPECT_EQ(co_await one.wait(), wake_reason::signalled);
    one.reset();
    EXPECT_FALSE(one.is_set());
    EXPECT_EQ(co_await one.wait(core::current().now() + 5ms), wake_reason::timed_out);
  };
  cores_.run(0, body());
}

TEST(scheduler, a_picker_chooses_among_the_ready) {
  scheduler ready;
  std::vector<int> order;
  struct noted : ready_node {};
  struct body {
    struct promise_type {
      body get_return_object() {
        return {std::coroutine_handle<promise_type>::from_promise(*this)};
      }
      std::suspend_always initial_suspend() noexcept { return {}; }
      std::suspend_never final_suspend() noexcept { return {}; }
      void return_void() {}
      void unhandled_exception() {}
    };
    std::coroutine_handle<promise_type> handle;
  };
  auto make = [](std::vector<int>& into, int number) -> body {
    into.push_back(number);
    co_return;
  };
  noted nodes[3];
  for (auto i = 0; i < 3; ++i) {
    nodes[i].handle = make(order, i).handle;
    ready.make_ready(nodes[i]);
  }
  std::vector<std::size_t> seen;
  ready.set_picker([&](std::size_t count) {
    seen.push_back(count);
    return count - 1;
  });
  EXPECT_EQ(ready.run(2), 2u);
  EXPECT_FALSE(ready.idle());
  EXPECT_EQ(ready.run(10), 1u);
  EXPECT_EQ(order, (std::vector{2, 1, 0}));
  EXPECT_EQ(seen, (std::vector<std::size_t>{3, 2, 1}));
}

}  // namespace
}  // namespace karst
