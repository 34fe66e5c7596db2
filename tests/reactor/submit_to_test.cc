#include "reactor/submit_to.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "reactor/event.h"
#include "reactor/foreign.h"
#include "tests/reactor/thread_io.h"
#include "tests/sim/sim_machine.h"

namespace karst {
namespace {

class submit_to_test : public testing::TestWithParam<std::uint64_t> {
 protected:
  sim::world host_{{.seed = GetParam()}};
  sim::machine cores_{host_, 3};
};

TEST_P(submit_to_test, runs_there_and_returns_here) {
  auto body = []() -> task<> {
    auto there = co_await submit_to(2, [] { return core::current().id(); });
    EXPECT_EQ(there, 2);
    EXPECT_EQ(core::current().id(), 0);
    auto text = co_await submit_to(1, []() -> task<std::string> {
      (void)co_await sleep_until(core::current().now() + 5ms);
      co_return fmt::format("core {}", core::current().id());
    });
    EXPECT_EQ(text, "core 1");
    auto here = co_await submit_to(0, [] { return std::make_unique<int>(7); });
    EXPECT_EQ(*here, 7);
    auto called = false;
    co_await submit_to(1, [&called] { called = true; });
    EXPECT_TRUE(called);
    co_await submit_to(1, []() -> task<> { co_return; });
  };
  cores_.run(0, body());
}

TEST_P(submit_to_test, calls_start_in_the_order_in_which_they_were_made) {
  auto body = []() -> task<> {
    std::vector<int> started;
    task_set set;
    auto there = [](std::vector<int>& into, int number) -> task<> {
      into.push_back(number);
      (void)co_await sleep_until(core::current().now() + duration{1ms} * (number % 3));
    };
    auto call = [](decltype(there)& work, std::vector<int>& into, int number) -> task<> {
      co_await submit_to(1, [&work, &into, number] { return work(into, number); });
    };
    for (auto i = 0; i < 600; ++i) set.spawn(call(there, started, i));
    co_await set.join();
    EXPECT_EQ(started.size(), 600u);
    EXPECT_TRUE(std::ranges::is_sorted(started));
  };
  cores_.run(0, body());
}

TEST_P(submit_to_test, cores_may_call_each_other_in_circles) {
  struct circle {
    static task<int> around(core_id at, int hops) {
      if (hops == 0) co_return 0;
      auto const next = static_cast<core_id>((at + 1) % 3);
      auto rest = co_await submit_to(next, [next, hops] { return around(next, hops - 1); });
      co_return rest + 1;
    }
  };
  cores_.run_on_each([](core_id self) -> task<> {
    auto hops = co_await circle::around(core::current().id(), 20);
    EXPECT_EQ(hops, 20);
    (void)self;
  });
}

struct homesick {
  explicit homesick(std::vector<core_id>& ends) : ended(&ends) {}
  homesick(homesick&& other) noexcept : ended(std::exchange(other.ended, nullptr)) {}
  ~homesick() {
    if (ended != nullptr) ended->push_back(core::current().id());
  }
  std::vector<core_id>* ended;
};

TEST_P(submit_to_test, a_foreign_value_is_destroyed_at_home) {
  std::vector<core_id> ended;
  auto body = [](std::vector<core_id>& ends) -> task<> {
    auto got = co_await submit_to(2, [&ends] { return foreign<homesick>{homesick{ends}}; });
    EXPECT_EQ(got.home(), 2);
    EXPECT_TRUE(got);
    EXPECT_EQ(got->ended, &ends);
    auto moved = std::move(got);
    EXPECT_FALSE(got);
    moved = foreign<homesick>{};
    // An answer from there comes after what was sent before.
    co_await submit_to(2, [] {});
    EXPECT_EQ(ends, (std::vector<core_id>{2}));
    {
      foreign<homesick> local{homesick{ends}};
    }
    EXPECT_EQ(ends, (std::vector<core_id>{2, 0}));
  };
  cores_.run(0, body(ended));
}

INSTANTIATE_TEST_SUITE_P(seeds, submit_to_test, testing::Values(1, 2, 3, 4, 5));

// Real threads: every core calls every other while it answers them; the thread sanitizer watches,
// and a lost wake-up fails in thread_io.
TEST(submit_to_threads, cores_call_each_other) {
  constexpr core_id cores = 3;
  constexpr int calls = 2000;
  mailboxes mail{cores};
  std::vector<std::unique_ptr<core>> all;
  for (core_id id = 0; id < cores; ++id) {
    all.push_back(std::make_unique<core>(id, std::make_unique<thread_io>(),
                                         std::make_unique<system_clock>(), mail));
  }
  std::vector<long> answered(cores);
  auto caller = [](core_id self, long& sum) -> task<> {
    for (auto i = 0; i < calls; ++i) {
      auto const to = static_cast<core_id>((self + 1 + i % (cores - 1)) % cores);
      auto got = co_await submit_to(to, [to, i] { return core::current().id() == to ? i : -1; });
      sum += got;
      auto kept = co_await submit_to(to, [i] { return foreign<std::string>{std::to_string(i)}; });
      if (*kept != std::to_string(i)) sum = -1'000'000'000;
    }
    // Answers come after what was sent before: the last foreign values are home.
    for (core_id to = 0; to < cores; ++to) co_await submit_to(to, [] {});
  };
  std::atomic<int> finished{0};
  auto life = [](task<> work, std::atomic<int>& done,
                 std::vector<std::unique_ptr<core>>& others) -> task<> {
    co_await std::move(work);
    if (++done != cores) co_return;
    for (auto& one : others) one->post_from_outside([] { core::current().stop(); });
  };
  std::vector<std::thread> threads;
  for (core_id id = 0; id < cores; ++id) {
    threads.emplace_back([&, id] {
      {
        core::scope inside{*all[id]};
        all[id]->background().spawn(life(caller(id, answered[id]), finished, all));
      }
      all[id]->run();
    });
  }
  for (auto& thread : threads) thread.join();
  for (auto sum : answered) EXPECT_EQ(sum, long{calls} * (calls - 1) / 2);
}

}  // namespace
}  // namespace karst
