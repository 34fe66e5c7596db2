#include "bench/arrivals.h"

#include <gtest/gtest.h>

namespace karst::bench {
namespace {

constexpr time_point start{1000s};

// One second of an end-to-end load of two subscriptions.
struct arrivals_of_two : testing::Test {
  load_times times{.start = start, .counted_from = start, .end = start + 1s};
  tally counts{times};
  arrivals records{2};
};

TEST_F(arrivals_of_two, what_came_everywhere_is_not_missing) {
  records.arrived(start + 1ms);  // before the producer has its answer
  records.written(start + 1ms, 1);
  EXPECT_EQ(records.on_their_way(), 1U);
  records.arrived(start + 1ms);
  EXPECT_EQ(records.on_their_way(), 0U);
  records.settle(counts, start + 5s);
  EXPECT_EQ(counts.missing(), 0U);
  EXPECT_EQ(counts.latencies().count(), 0U);
}

TEST_F(arrivals_of_two, what_was_written_and_never_came_counts_as_that_late) {
  records.written(start + 500ms, 3);
  records.arrived(start + 500ms);
  EXPECT_EQ(records.on_their_way(), 5U);
  records.settle(counts, start + 4500ms);
  EXPECT_EQ(counts.missing(), 5U);
  EXPECT_EQ(counts.latencies().count(), 5U);
  EXPECT_EQ(counts.latencies().most(), 4s);
}

// Coordinated omission: a broker that stalls at the end must not look better for it.
TEST_F(arrivals_of_two, what_was_due_and_not_sent_counts_as_that_late) {
  records.given_up(start + 900ms, 1);
  records.given_up(start + 950ms, 1);
  records.arrived(start + 950ms);  // written, although nobody was told
  EXPECT_EQ(records.on_their_way(), 0U);
  records.settle(counts, start + 3900ms);
  EXPECT_EQ(counts.missing(), 0U);
  EXPECT_EQ(counts.unanswered(), 3U);
  EXPECT_EQ(counts.latencies().most(), 3s);
}

}  // namespace
}  // namespace karst::bench
