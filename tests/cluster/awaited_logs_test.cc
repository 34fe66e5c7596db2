#include "cluster/awaited_logs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reactor/task_set.h"
#include "tests/sim/sim_machine.h"

namespace karst::cluster {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class awaited_logs_test : public ::testing::Test {
 public:
  static constexpr log::log_id id{5};

  // As a produce request: waits if it must, then takes effect and suspends.
  task<> append(int number) {
    if (awaited_.holds(id)) co_await awaited_.wait(id);
    appended_.push_back(number);
    (void)co_await sleep_until(core::current().now() + 1ms);
  }
  static task<> settle() { (void)co_await sleep_until(core::current().now() + 10ms); }

  sim::world world_{{.seed = 1}, sim::disk{}};
  sim::machine machine_{world_, 1};
  awaited_logs awaited_;
  std::vector<int> appended_;
};

TEST_F(awaited_logs_test, appends_wait_and_go_on_in_their_order) {
  auto run = [](awaited_logs_test& self) -> task<> {
    self.awaited_.expect(id);
    task_set appends;
    for (int number = 0; number < 3; ++number) appends.spawn(self.append(number));
    co_await settle();
    EXPECT_THAT(self.appended_, IsEmpty());
    self.awaited_.settle(id);
    // Those that waited are ready, and have not run yet: nobody overtakes them.
    for (int number = 3; number < 6; ++number) appends.spawn(self.append(number));
    co_await appends.join();
    EXPECT_FALSE(self.awaited_.holds(id));
    co_await self.append(6);
  };
  machine_.run(0, run(*this));
  EXPECT_THAT(appended_, ElementsAre(0, 1, 2, 3, 4, 5, 6));
}

TEST_F(awaited_logs_test, what_does_not_come_is_awaited_no_more) {
  auto run = [](awaited_logs_test& self) -> task<> {
    self.awaited_.expect(id);
    self.awaited_.expect(log::log_id{6});
    task_set appends;
    appends.spawn(self.append(0));
    self.awaited_.end();
    EXPECT_FALSE(self.awaited_.holds(log::log_id{6}));
    co_await appends.join();
    EXPECT_FALSE(self.awaited_.holds(id));
  };
  machine_.run(0, run(*this));
  EXPECT_THAT(appended_, ElementsAre(0));
}

}  // namespace
}  // namespace karst::cluster
