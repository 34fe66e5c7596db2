#include "bench/verdict.h"

#include <gmock/gmock.h>

namespace karst::bench {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

verdict_input good() {
  verdict_input input{
      .requests = 10'000, .own_cpu_share = 0.4, .p50 = 1ms, .p99 = 2ms, .p999 = 3ms};
  for (int i = 0; i < 9; ++i) input.seconds.push_back({.requests = 1'000});
  return input;
}

TEST(verdict, a_load_without_faults_is_steady) { EXPECT_EQ(give_verdict(good()), "steady"); }

TEST(verdict, a_bench_that_uses_its_core_up_says_so) {
  auto input = good();
  input.own_cpu_share = 0.97;
  EXPECT_THAT(give_verdict(input), HasSubstr("the bench itself is the limit, with 97 % of a core"));
}

TEST(verdict, what_limited_a_closed_loop_is_told_when_the_broker_is_measured) {
  auto input = good();
  input.machine_cores = 4;
  input.broker_cores = 3.5;
  EXPECT_THAT(give_verdict(input),
              StartsWith("processor time is the limit: 3.5 of 4 cores are used by the broker"));
  input.broker_cores = 1;
  EXPECT_EQ(give_verdict(input),
            "limited by waiting for answers, not by processor time (1.4 of 4 cores); steady");
  input.wanted_rate = input.reached_rate = 1'000;
  EXPECT_EQ(give_verdict(input), "steady");
  input.busy_cores = 3.9;
  EXPECT_THAT(give_verdict(input), StartsWith("disturbed: others used 2.5 of 4 cores"));
}

TEST(verdict, errors_are_named_first) {
  auto input = good();
  input.refused = 10'000;
  input.most_refused = "NOT_LEADER_OR_FOLLOWER";
  input.own_cpu_share = 0.97;
  EXPECT_THAT(give_verdict(input),
              StartsWith("errors: 50 % of the requests were refused, most with NOT_LEADER"));
}

TEST(verdict, an_open_loop_that_is_not_kept_up_is_overloaded) {
  auto input = good();
  input.wanted_rate = 2'000;
  input.reached_rate = 1'500;
  EXPECT_THAT(give_verdict(input), StartsWith("overloaded: 1500 of 2000 requests/s"));
  input.reached_rate = 1'990;
  EXPECT_THAT(give_verdict(input), Not(HasSubstr("overloaded")));
}

TEST(verdict, throughput_that_falls_is_drifting) {
  auto input = good();
  for (int i = 6; i < 9; ++i) input.seconds[i].requests = 700;
  EXPECT_THAT(give_verdict(input), HasSubstr("drifting: throughput fell by 30 %"));
}

TEST(verdict, throughput_that_comes_and_goes_is_unsteady) {
  auto input = good();
  for (int i = 0; i < 9; i += 2) input.seconds[i].requests = 500;
  input.seconds[1].requests = 500;
  input.seconds[7].requests = 500;
  EXPECT_THAT(give_verdict(input), HasSubstr("unsteady"));
}

TEST(verdict, a_tail_far_from_the_middle_is_told) {
  auto input = good();
  input.p999 = 40ms;
  EXPECT_THAT(give_verdict(input), HasSubstr("long tail: p99.9 is 40.0 ms, 40 times p50"));
}

TEST(verdict, a_load_that_broke_says_why) {
  auto input = good();
  input.failure = "a connection to 127.0.0.1:9092 broke";
  EXPECT_THAT(give_verdict(input), StartsWith("broken off: a connection to 127.0.0.1:9092 broke"));
}

TEST(verdict, records_that_never_came_are_told_from_slow_readers) {
  auto input = good();
  input.missing = 7;
  EXPECT_THAT(give_verdict(input), StartsWith("7 records were acknowledged and have not arrived"));
  input.acknowledged = false;
  EXPECT_THAT(give_verdict(input), StartsWith("7 records were sent and have not arrived"));
  input.readers_behind = true;
  EXPECT_THAT(give_verdict(input), StartsWith("consumers were 7 records behind when it ended"));
}

TEST(verdict, a_load_without_answers_is_no_measurement) {
  EXPECT_THAT(give_verdict({}), StartsWith("nothing was answered"));
}

}  // namespace
}  // namespace karst::bench
