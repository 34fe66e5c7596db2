#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tools/doctor_checks.h"

namespace karst::tools {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

partition_lag lag(std::int32_t partition, std::optional<std::int64_t> committed, std::int64_t end) {
  partition_lag made{.where = {"orders", partition}, .committed = committed, .end = end};
  if (committed) {
    made.records = std::max<std::int64_t>(end - *committed, 0);
    made.seconds = *made.records == 0 ? 0 : 90;
  }
  return made;
}

group_report stable(std::size_t members, std::vector<partition_lag> partitions) {
  group_report report;
  report.group.id = "billing";
  report.group.state = members == 0 ? "Empty" : "Stable";
  report.group.protocol_type = "consumer";
  for (std::size_t i = 0; i < members; ++i) {
    report.group.members.push_back({.id = fmt::format("m-{}", i), .subscribed = {"orders"}});
  }
  for (std::size_t i = 0; i < partitions.size() && members > 0; ++i) {
    auto owner = i % members;
    report.owners[partitions[i].where] = owner;
    report.group.members[owner].assigned["orders"].push_back(partitions[i].where.partition);
  }
  report.partitions = std::move(partitions);
  return report;
}

auto says(std::string const& text) { return Field(&finding::what, HasSubstr(text)); }

TEST(doctor, a_group_at_work_is_well) {
  EXPECT_THAT(findings_of(stable(2, {lag(0, 10, 15), lag(1, 20, 20)})), IsEmpty());
  EXPECT_THAT(findings_of(stable(0, {lag(0, 15, 15)})), IsEmpty()) << "all is read";
}

TEST(doctor, unread_records_and_nobody_there) {
  auto found = findings_of(stable(0, {lag(0, 10, 15), lag(1, 20, 21)}));
  ASSERT_THAT(found, ElementsAre(says("6 records of orders unread, the oldest 90.0 s old")));
  EXPECT_THAT(found.front().what, HasSubstr("it has no members"));
}

TEST(doctor, a_partition_that_was_left_out) {
  auto report = stable(1, {lag(0, 15, 15), lag(1, 0, 1)});
  report.owners.erase(net::topic_partition{"orders", 1});
  EXPECT_THAT(findings_of(report), ElementsAre(says("1 record of orders unread")));
}

TEST(doctor, members_that_read_nothing) {
  EXPECT_THAT(findings_of(stable(3, {lag(0, 5, 5), lag(1, 5, 5)})),
              ElementsAre(says("3 members for 2 partitions: 1 of them read nothing")));
}

TEST(doctor, commits_that_lead_nowhere) {
  EXPECT_THAT(findings_of(stable(1, {lag(0, 50, 15)})), ElementsAre(says("outside of the log")));
  auto trimmed = lag(0, 5, 15);
  trimmed.log_start = 10;
  EXPECT_THAT(findings_of(stable(1, {trimmed})),
              ElementsAre(says("outside of the log (10 to 15)")));
}

TEST(doctor, a_consumer_that_gets_nothing_of_what_is_there) {
  EXPECT_THAT(findings_of(stable(1, {lag(0, {}, 15)})),
              ElementsAre(says("committed nothing of orders-0, which holds 15 records")));
  EXPECT_THAT(findings_of(stable(1, {lag(0, {}, 0)})), IsEmpty());
}

}  // namespace
}  // namespace karst::tools
