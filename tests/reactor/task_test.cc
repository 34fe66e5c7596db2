#include "reactor/task.h"

#include <gtest/gtest.h>

#include "reactor/event.h"
#include "reactor/task_set.h"
#include "tests/sim/sim_machine.h"

namespace karst {
namespace {

class task_test : public testing::Test {
 protected:
  sim::world host_{{}};
  sim::machine cores_{host_, 1};
};

task<int> doubled(int value) { co_return value * 2; }

TEST_F(task_test, is_lazy_and_returns_a_value) {
  auto started = false;
  auto body = [](bool& flag) -> task<int> {
    flag = true;
    co_return co_await doubled(21);
  };
  auto work = body(started);
  EXPECT_FALSE(started);
  EXPECT_EQ(cores_.run(0, std::move(work)), 42);
  EXPECT_TRUE(started);
}

TEST_F(task_test, a_task_that_never_started_is_destroyed_with_its_parameters) {
  auto counted = std::make_shared<int>(1);
  auto body = [](std::shared_ptr<int>) -> task<> { co_return; };
  {
    auto never_awaited = body(counted);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

TEST_F(task_test, parameters_and_temporaries_are_destroyed_once) {
  auto counted = std::make_shared<int>(1);
  struct aggregate {
    std::shared_ptr<int> content;
    int unused = 0;
  };
  auto inner = [](aggregate given) -> task<long> { co_return given.content.use_count(); };
  auto outer = [](std::shared_ptr<int>& original, decltype(inner)& call) -> task<> {
    for (auto i = 0; i < 1000; ++i) (void)co_await call(aggregate{.content = original});
  };
  cores_.run(0, outer(counted, inner));
  EXPECT_EQ(counted.use_count(), 1);
}

TEST_F(task_test, a_million_awaits_do_not_grow_the_stack) {
  auto loop = []() -> task<long> {
    long sum = 0;
    for (auto i = 0; i < 1'000'000; ++i) sum += co_await doubled(1);
    co_return sum;
  };
  EXPECT_EQ(cores_.run(0, loop()), 2'000'000);
}

task<> count_down(int depth, int& reached) {
  reached = depth;
  if (depth > 0) co_await count_down(depth - 1, reached);
}

TEST_F(task_test, returning_through_deep_calls_is_by_transfer) {
  auto reached = -1;
  cores_.run(0, count_down(10'000, reached));
  EXPECT_EQ(reached, 0);
}

TEST_F(task_test, a_set_runs_its_tasks_and_joins_them) {
  auto body = [](event& go, int& done) -> task<> {
    (void)co_await go.wait();
    ++done;
  };
  auto all = [](decltype(body)& make) -> task<int> {
    event go;
    task_set set;
    auto done = 0;
    for (auto i = 0; i < 5; ++i) set.spawn(make(go, done));
    EXPECT_EQ(set.running(), 5u);
    EXPECT_EQ(done, 0);
    go.set();
    co_await set.join();
    EXPECT_EQ(set.running(), 0u);
    co_return done;
  };
  EXPECT_EQ(cores_.run(0, all(body)), 5);
}

TEST_F(task_test, joining_an_empty_set_is_immediate) {
  auto join = []() -> task<> {
    task_set none;
    co_await none.join();
  };
  cores_.run(0, join());
}

}  // namespace
}  // namespace karst
