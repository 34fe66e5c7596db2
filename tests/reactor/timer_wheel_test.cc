#include "reactor/timer_wheel.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "tests/sim/sim_random.h"

namespace karst {
namespace {

constexpr time_point start{5h};

struct recorded_timer : timer {
  time_point const* clock = nullptr;
  std::vector<recorded_timer*>* fired = nullptr;
  bool early = false;
};

void set_up(recorded_timer& one, time_point const& clock, std::vector<recorded_timer*>& fired) {
  one.clock = &clock;
  one.fired = &fired;
  one.fire = [](timer& due) {
    auto& self = static_cast<recorded_timer&>(due);
    self.early |= *self.clock < self.at;
    self.fired->push_back(&self);
  };
}

TEST(timer_wheel, fires_within_a_millisecond_and_never_early) {
  timer_wheel wheel{start};
  auto now = start;
  std::vector<recorded_timer*> fired;
  for (auto delay :
       {1ns, duration{1ms}, duration{63ms}, duration{64ms}, duration{65ms}, duration{4096ms},
        duration{4097ms}, duration{1h}, duration{24h * 30}, duration{24h * 365 * 3}}) {
    recorded_timer one;
    set_up(one, now, fired);
    auto const at = now + delay;
    wheel.arm(one, at);
    fired.clear();
    while (fired.empty()) {
      auto next = wheel.next();
      ASSERT_TRUE(next) << "lost the timer due in " << delay.count() << " ns";
      ASSERT_GT(*next, now);
      now = *next;
      wheel.advance(now);
    }
    EXPECT_FALSE(one.early);
    EXPECT_LE(now - at, duration{1ms}) << delay.count();
    EXPECT_FALSE(one.armed());
  }
  EXPECT_FALSE(wheel.next());
}

TEST(timer_wheel, keeps_deadlines_beyond_its_range) {
  timer_wheel wheel{start};
  auto now = start;
  std::vector<recorded_timer*> fired;
  recorded_timer far;
  set_up(far, now, fired);
  wheel.advance(now += 12'345ms);
  wheel.arm(far, time_point::max());
  for (auto year = 0; year < 20; ++year) {
    now += 24h * 365;
    wheel.advance(now);
    EXPECT_TRUE(fired.empty());
    EXPECT_TRUE(wheel.next());
  }
  wheel.arm(far, now + 5ms);
  wheel.advance(now += 6ms);
  EXPECT_EQ(fired.size(), 1u);
}

TEST(timer_wheel, a_deadline_in_the_past_fires_at_the_next_tick) {
  timer_wheel wheel{start};
  auto now = start + 10s;
  wheel.advance(now);
  std::vector<recorded_timer*> fired;
  recorded_timer one;
  set_up(one, now, fired);
  wheel.arm(one, start);
  now += 1ms;
  wheel.advance(now);
  EXPECT_EQ(fired.size(), 1u);
}

TEST(timer_wheel, disarmed_and_destroyed_timers_do_not_fire) {
  timer_wheel wheel{start};
  auto now = start;
  std::vector<recorded_timer*> fired;
  recorded_timer one;
  set_up(one, now, fired);
  wheel.arm(one, now + 5ms);
  one.disarm();
  {
    recorded_timer gone;
    set_up(gone, now, fired);
    wheel.arm(gone, now + 5ms);
  }
  wheel.advance(now += 10ms);
  EXPECT_TRUE(fired.empty());
}

TEST(timer_wheel, a_timer_may_arm_itself_again_and_disarm_others_while_it_fires) {
  struct pair_timer : timer {
    timer_wheel* wheel = nullptr;
    timer* other = nullptr;
    int fired = 0;
  };
  timer_wheel wheel{start};
  pair_timer repeating;
  recorded_timer victim;
  auto now = start;
  std::vector<recorded_timer*> fired;
  set_up(victim, now, fired);
  repeating.wheel = &wheel;
  repeating.other = &victim;
  repeating.fire = [](timer& due) {
    auto& self = static_cast<pair_timer&>(due);
    ++self.fired;
    self.other->disarm();
    if (self.fired < 3) self.wheel->arm(self, self.at + 10ms);
  };
  wheel.arm(repeating, start + 10ms);
  wheel.arm(victim, start + 10ms);
  wheel.advance(now += 100ms);
  EXPECT_EQ(repeating.fired, 3);
  EXPECT_TRUE(fired.empty());
}

// Against a sorted map: random deadlines near and far, re-arming, disarming, small steps and long
// jumps.
void compare_with_model(std::uint64_t seed) {
  SCOPED_TRACE(fmt::format("seed {}", seed));
  sim::random_source random{seed};
  timer_wheel wheel{start};
  auto now = start;
  std::vector<recorded_timer*> fired;
  std::deque<recorded_timer> timers(40);
  std::set<recorded_timer*> armed;
  for (auto& one : timers) set_up(one, now, fired);
  auto random_span = [&] {
    auto bits = random.below(44);
    return duration{static_cast<std::int64_t>(random.below((std::uint64_t{1} << bits) * 1000 + 1))};
  };
  for (auto step = 0; step < 2000; ++step) {
    auto& one = timers[random.below(timers.size())];
    auto const action = random.below(10);
    if (action < 4) {
      wheel.arm(one, now + random_span());
      armed.insert(&one);
    } else if (action < 5) {
      one.disarm();
      armed.erase(&one);
    } else {
      auto next = wheel.next();
      ASSERT_EQ(next.has_value(), !armed.empty());
      for (auto* waiting : armed) ASSERT_LE(*next, waiting->at + 1ms);
      now = action < 7 && next ? std::max(now, *next) : now + random_span() / 4;
      fired.clear();
      wheel.advance(now);
      for (auto* done : fired) {
        ASSERT_EQ(armed.erase(done), 1u);
        ASSERT_FALSE(done->early);
      }
      ASSERT_TRUE(std::ranges::is_sorted(
          fired, {}, [](auto* done) { return (done->at - start + 999'999ns) / 1ms; }));
      for (auto* waiting : armed) ASSERT_GT(waiting->at + 1ms, now) << "late";
    }
  }
}

TEST(timer_wheel, agrees_with_a_sorted_map) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) compare_with_model(seed);
}

}  // namespace
}  // namespace karst
