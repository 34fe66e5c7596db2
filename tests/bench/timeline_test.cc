#include "bench/timeline.h"

#include <gtest/gtest.h>

#include "bench/tally.h"

namespace karst::bench {
namespace {

constexpr time_point start{100s};

TEST(timeline, each_second_has_its_own_counts_and_latencies) {
  timeline seconds{start};
  seconds.answered(start + 100ms, 1ms, 10, 1000);
  seconds.answered(start + 999ms, 3ms, 10, 1000);
  EXPECT_TRUE(seconds.seconds().empty());
  seconds.answered(start + 1s, 7ms, 1, 50);
  ASSERT_EQ(seconds.seconds().size(), 1U);
  auto const& first = seconds.seconds().front();
  EXPECT_EQ(first.requests, 2U);
  EXPECT_EQ(first.records, 20U);
  EXPECT_EQ(first.bytes, 2000U);
  EXPECT_EQ(first.most, 3ms);
  seconds.advance(start + 2s);
  ASSERT_EQ(seconds.seconds().size(), 2U);
  EXPECT_EQ(seconds.seconds()[1].requests, 1U);
  EXPECT_EQ(seconds.seconds()[1].most, 7ms);
}

TEST(timeline, a_second_without_answers_is_a_row_of_zeros) {
  timeline seconds{start};
  seconds.answered(start + 500ms, 1ms, 1, 1);
  seconds.refused(start + 3500ms);
  seconds.advance(start + 4s);
  ASSERT_EQ(seconds.seconds().size(), 4U);
  EXPECT_EQ(seconds.seconds()[1].requests, 0U);
  EXPECT_EQ(seconds.seconds()[2].most, duration{});
  EXPECT_EQ(seconds.seconds()[3].refused, 1U);
}

// Warm-up from 0 to 1 s, counted from 1 s to 3 s.
struct counting : testing::Test {
  load_times times{.start = start, .counted_from = start + 1s, .end = start + 3s};
  tally counts{times};
};

TEST_F(counting, throughput_is_of_what_was_answered_in_the_counted_time) {
  counts.answered(start + 100ms, start + 200ms, 1, 10);   // in the warm-up
  counts.answered(start + 900ms, start + 1100ms, 1, 10);  // due in the warm-up
  counts.answered(start + 2s, start + 2100ms, 1, 10);
  counts.answered(start + 2900ms, start + 3100ms, 1, 10);  // answered after the end
  EXPECT_EQ(counts.requests(), 2U);
  EXPECT_EQ(counts.bytes(), 20U);
  EXPECT_EQ(counts.all_requests(), 4U);
}

TEST_F(counting, latencies_are_of_what_was_due_in_the_counted_time_whenever_answered) {
  counts.answered(start + 900ms, start + 1900ms, 1, 10);
  counts.answered(start + 2s, start + 2010ms, 1, 10);
  counts.answered(start + 2900ms, start + 3900ms, 1, 10);
  EXPECT_EQ(counts.latencies().count(), 2U);
  EXPECT_EQ(counts.latencies().most(), 1s);
}

TEST_F(counting, what_had_no_answer_is_as_late_as_the_end_of_waiting) {
  counts.unanswered(start + 1500ms, start + 6s);
  EXPECT_EQ(counts.unanswered(), 1U);
  EXPECT_EQ(counts.latencies().most(), 4500ms);
  EXPECT_EQ(counts.requests(), 0U);
}

TEST_F(counting, arrivals_are_records_without_requests) {
  counts.arrived(start + 1500ms, start + 1600ms, 10);
  counts.arrived(start + 1500ms, start + 3100ms, 10);  // after the end
  EXPECT_EQ(counts.records(), 1U);
  EXPECT_EQ(counts.all_bytes(), 20U);
  EXPECT_EQ(counts.all_requests(), 0U);
}

TEST_F(counting, refusals_are_apart_by_code) {
  counts.refused(start + 100ms, 6);  // in the warm-up
  counts.refused(start + 2s, 6);
  counts.refused(start + 2s, 6);
  counts.refused(start + 2s, 3);
  EXPECT_EQ(counts.refused(), 4U);
  EXPECT_EQ(counts.counted_refused(), 3U);
  EXPECT_EQ(counts.errors().at(6), 3U);
  EXPECT_EQ(counts.latencies().count(), 0U);
}

}  // namespace
}  // namespace karst::bench
