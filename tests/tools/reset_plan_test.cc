#include "tools/reset_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace karst::tools {
namespace {

using kind = reset_target::kind;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Offsets 100 to 199 are in the log; the group is at 150.
reset_facts const known{
    .where = {"orders", 3}, .committed = 150, .log_start = 100, .end = 200, .at_time = 170};

std::int64_t planned(reset_target target, reset_facts const& facts = known) {
  auto plan = plan_reset(target, facts);
  EXPECT_TRUE(plan.has_value());
  EXPECT_EQ(plan->where, facts.where);
  EXPECT_EQ(plan->from, facts.committed);
  return plan->to;
}

TEST(reset_plan, every_target_inside_of_the_log) {
  EXPECT_EQ(planned({kind::earliest}), 100);
  EXPECT_EQ(planned({kind::latest}), 200);
  EXPECT_EQ(planned({kind::current}), 150);
  EXPECT_EQ(planned({kind::offset, 123}), 123);
  EXPECT_EQ(planned({kind::time, 5}), 170);
  EXPECT_EQ(planned({kind::shift, -20}), 130);
  EXPECT_EQ(planned({kind::shift, 20}), 170);
  EXPECT_THAT(plan_reset({kind::offset, 123}, known)->note, IsEmpty());
}

TEST(reset_plan, what_is_outside_goes_to_the_nearer_end_and_says_so) {
  EXPECT_EQ(planned({kind::offset, 5}), 100);
  EXPECT_THAT(plan_reset({kind::offset, 5}, known)->note, HasSubstr("not in the log any more"));
  EXPECT_EQ(planned({kind::shift, 1000}), 200);
  EXPECT_THAT(plan_reset({kind::shift, 1000}, known)->note, HasSubstr("not in the log yet"));
  EXPECT_EQ(planned({kind::shift, std::numeric_limits<std::int64_t>::max()}), 200);
  EXPECT_EQ(planned({kind::shift, std::numeric_limits<std::int64_t>::min()}), 100);
  auto trimmed = known;
  trimmed.committed = 7;
  EXPECT_EQ(planned({kind::current}, trimmed), 100);
}

TEST(reset_plan, a_time_after_the_last_record_is_the_end) {
  auto none = known;
  none.at_time = -1;
  EXPECT_EQ(planned({kind::time, 5}, none), 200);
  EXPECT_THAT(plan_reset({kind::time, 5}, none)->note, HasSubstr("no record"));
}

TEST(reset_plan, nothing_committed) {
  auto fresh = known;
  fresh.committed.reset();
  EXPECT_EQ(planned({kind::current}, fresh), 200);
  auto refused = plan_reset({kind::shift, -1}, fresh);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("orders-3"));
}

TEST(reset_plan, topics_and_partitions) {
  EXPECT_EQ(parse_topic_choice("orders")->topic, "orders");
  EXPECT_THAT(parse_topic_choice("orders")->partitions, IsEmpty());
  EXPECT_EQ(parse_topic_choice("orders:0,12")->topic, "orders");
  EXPECT_THAT(parse_topic_choice("orders:0,12")->partitions, ElementsAre(0, 12));
  for (auto const* wrong : {"", ":1", "orders:", "orders:1,", "orders:x", "orders:-1"}) {
    EXPECT_FALSE(parse_topic_choice(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace karst::tools
