// LeaveGroup: members, static members by instance, pending ones, many at once.
#include <gmock/gmock.h>

#include "tests/cluster/group_driver.h"

namespace karst::cluster {
namespace {

using enum net::error_code;
using testing::ElementsAre;

TEST(group_leave, last_member_leaves_an_empty_group_that_is_stored) {
  group_driver group;
  auto member = group.stable({group.join_request()})[0];
  EXPECT_THAT(group.leave({{.member_id = member.member_id}}), ElementsAre(none));
  EXPECT_EQ(group.state(), group_state::empty);
  EXPECT_EQ(group.durable().generation, 2);
  EXPECT_EQ(group.durable().protocol_type, "consumer");
  EXPECT_EQ(group.durable().protocol, std::nullopt);
  EXPECT_EQ(group.durable().leader, std::nullopt);
  EXPECT_TRUE(group.durable().members.empty());
  EXPECT_EQ(group.durable().state_timestamp, group.subject().state_timestamp());
  EXPECT_THAT(group.leave({{.member_id = member.member_id}}), ElementsAre(unknown_member_id));
}

TEST(group_leave, empty_group_that_cannot_be_stored_is_empty_all_the_same) {
  group_driver group;
  auto member = group.stable({group.join_request()})[0];
  group.fail_stores(not_coordinator);
  group.leave({{.member_id = member.member_id}});
  EXPECT_EQ(group.state(), group_state::empty);
}

TEST(group_leave, member_that_leaves_makes_the_others_join_again) {
  group_driver group;
  auto members = group.stable({group.join_request(), group.join_request()});
  group.leave({{.member_id = members[0].member_id}});
  EXPECT_EQ(group.heartbeat(members[1].member_id, 2), rebalance_in_progress);
  auto answer = group.joined(group.join(group.join_request(members[1].member_id)));
  EXPECT_EQ(answer.generation, 3);
  EXPECT_EQ(answer.leader, members[1].member_id);
}

TEST(group_leave, last_one_that_was_waited_for_lets_the_rebalance_go_on) {
  group_driver group;
  auto members = group.stable({group.join_request(), group.join_request()});
  auto waiting = group.join(group.join_request(members[0].member_id));
  EXPECT_TRUE(group.waits(waiting));
  group.leave({{.member_id = members[1].member_id}});
  EXPECT_EQ(group.joined(waiting).generation, 3);
}

TEST(group_leave, member_that_leaves_while_its_join_waits_is_answered) {
  group_driver group;
  auto members = group.stable({group.join_request(), group.join_request()});
  auto waiting = group.join(group.join_request(members[0].member_id));
  group.leave({{.member_id = members[0].member_id}});
  EXPECT_EQ(group.joined(waiting).error, unknown_member_id);
}

TEST(group_leave, static_members_leave_by_instance_in_one_batch) {
  group_driver group;
  group.stable({group.static_request("a"), group.static_request("b")});
  EXPECT_THAT(group.leave({{.instance_id = "a"}, {.instance_id = "b"}, {.instance_id = "a"}}),
              ElementsAre(none, none, unknown_member_id));
  EXPECT_EQ(group.state(), group_state::empty);
}

TEST(group_leave, each_member_of_a_batch_has_its_own_error) {
  group_driver group;
  auto members =
      group.stable({group.static_request("a"), group.static_request("b"), group.join_request()});
  auto request = group.join_request();
  request.requires_known_member_id = true;
  auto pending = group.joined(group.join(request)).member_id;
  EXPECT_THAT(group.leave({{.member_id = members[0].member_id, .instance_id = "b"},
                           {.member_id = members[0].member_id, .instance_id = "x"},
                           {.member_id = "nobody"},
                           {.member_id = ""},
                           {.member_id = pending},
                           {.member_id = pending},
                           {.member_id = members[0].member_id, .instance_id = "a"},
                           {.member_id = members[2].member_id}}),
              ElementsAre(fenced_instance_id, unknown_member_id, unknown_member_id,
                          unknown_member_id, none, unknown_member_id, none, none));
  EXPECT_EQ(group.subject().size(), 1U);
}

TEST(group_leave, dead_group_answers_that_it_is_gone) {
  group_driver group;
  auto members = group.stable({group.join_request(), group.join_request()});
  group.end(not_coordinator);
  EXPECT_THAT(group.leave({{.member_id = members[0].member_id}, {.member_id = "x"}}),
              ElementsAre(coordinator_not_available, coordinator_not_available));
}

}  // namespace
}  // namespace karst::cluster
