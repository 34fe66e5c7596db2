#include "reactor/machine.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <thread>

#include "reactor/core_count.h"
#include "reactor/foreign.h"
#include "reactor/submit_to.h"
#include "tests/reactor/backends.h"

namespace karst {
namespace {

class machine_test : public testing::TestWithParam<io_choice> {
 protected:
  expected<int, error> run(core_id cores, std::function<task<int>(machine&)> main) {
    return machine::run({.cores = cores, .io = GetParam()}, std::move(main));
  }
};

TEST_P(machine_test, runs_the_main_task_and_returns_its_result) {
  auto result = run(1, [](machine& self) -> task<int> {
    EXPECT_EQ(self.core_count(), 1);
    EXPECT_FALSE(self.io().name.empty());
    co_return 42;
  });
  EXPECT_EQ(result.value(), 42);
}

TEST_P(machine_test, calls_go_to_other_cores_and_come_back) {
  auto result = run(3, [](machine& self) -> task<int> {
    auto sum = 0;
    for (auto round = 0; round < 200; ++round) {
      for (core_id id = 0; id < self.core_count(); ++id) {
        sum += co_await submit_to(id, [] { return int{core::current().id()} + 1; });
      }
    }
    co_return sum;
  });
  EXPECT_EQ(result.value(), 200 * 6);
}

TEST_P(machine_test, calls_sleep_on_the_other_core) {
  auto result = run(2, [](machine&) -> task<int> {
    auto wait = []() -> task<int> {
      co_await sleep_until(core::current().now() + 5ms);
      co_return core::current().id();
    };
    co_return co_await submit_to(1, wait);
  });
  EXPECT_EQ(result.value(), 1);
}

TEST_P(machine_test, more_messages_than_a_ring_holds) {
  auto result = run(2, [](machine&) -> task<int> {
    constexpr auto calls = 5000;
    auto one = [](int& done) -> task<> {
      co_await submit_to(1, [] { return 1; });
      ++done;
    };
    auto done = 0;
    task_set all;
    for (auto i = 0; i < calls; ++i) all.spawn(one(done));
    co_await all.join();
    co_return done;
  });
  EXPECT_EQ(result.value(), 5000);
}

struct counted {
  explicit counted(std::atomic<int>& alive, core_id home) : alive_(&alive), home_(home) {
    ++*alive_;
  }
  counted(counted&& other) noexcept
      : alive_(std::exchange(other.alive_, nullptr)), home_(other.home_) {}
  ~counted() {
    if (alive_ == nullptr) return;
    EXPECT_EQ(core::current().id(), home_);
    --*alive_;
  }
  std::atomic<int>* alive_;
  core_id home_;
};

TEST_P(machine_test, foreign_values_go_home_even_at_the_very_end) {
  std::atomic<int> alive{0};
  auto result = run(2, [&alive](machine&) -> task<int> {
    return [](std::atomic<int>& count) -> task<int> {
      for (auto i = 0; i < 100; ++i) {
        auto value = co_await submit_to(
            1, [&count] { return foreign<counted>{counted{count, core::current().id()}}; });
        EXPECT_TRUE(value);
      }
      co_return 0;
    }(alive);
  });
  EXPECT_TRUE(result);
  EXPECT_EQ(alive.load(), 0);
}

TEST_P(machine_test, idle_cores_use_no_processor) {
  auto result = run(2, [](machine&) -> task<int> {
    co_await sleep_until(core::current().now() + 20ms);
    rusage before{};
    getrusage(RUSAGE_SELF, &before);
    co_await sleep_until(core::current().now() + 400ms);
    rusage after{};
    getrusage(RUSAGE_SELF, &after);
    auto microseconds = [](rusage const& usage) {
      return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
             usage.ru_stime.tv_usec;
    };
    co_return static_cast<int>(microseconds(after) - microseconds(before));
  });
  EXPECT_LT(result.value(), 10'000);
}

TEST_P(machine_test, signals_are_handed_over_one_by_one) {
  auto result = run(2, [](machine& self) -> task<int> {
    kill(getpid(), SIGTERM);
    auto first = co_await self.wait_for_signal();
    // A second one while the first is being obeyed.
    kill(getpid(), SIGTERM);
    auto second = co_await self.wait_for_signal();
    kill(getpid(), SIGINT);
    auto third = co_await self.wait_for_signal();
    EXPECT_EQ(first, SIGTERM);
    EXPECT_EQ(second, SIGTERM);
    co_return third;
  });
  EXPECT_EQ(result.value(), SIGINT);
}

TEST_P(machine_test, waiting_for_a_signal_can_be_given_up) {
  auto result = run(1, [](machine& self) -> task<int> {
    abort_source abort;
    auto wait = [](machine& from, abort_source& until, int& outcome) -> task<> {
      outcome = co_await from.wait_for_signal(&until);
    };
    auto outcome = -1;
    task_set waiting;
    waiting.spawn(wait(self, abort, outcome));
    abort.request();
    co_await waiting.join();
    co_return outcome;
  });
  EXPECT_EQ(result.value(), 0);
}

// A simulated machine is of tests/sim.
INSTANTIATE_TEST_SUITE_P(kernel, machine_test,
                         testing::Values(io_choice::io_uring, io_choice::epoll),
                         [](auto const& info) {
                           return std::string{info.param == io_choice::epoll ? "epoll"
                                                                             : "io_uring"};
                         });

TEST(core_count, respects_the_affinity_mask) {
  std::atomic<int> seen{0};
  std::thread narrow{[&seen] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
    sched_setaffinity(0, sizeof one, &one);
    seen = usable_cores();
  }};
  narrow.join();
  EXPECT_EQ(seen.load(), 1);
  EXPECT_GE(usable_cores(), 1);
}

}  // namespace
}  // namespace karst
