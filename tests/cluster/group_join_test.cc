// JoinGroup: ids, protocols, generations and the first rebalance. Most cases are those of Kafka's
// GroupCoordinatorTest.
#include <gmock/gmock.h>

#include "tests/cluster/group_driver.h"

namespace karst::cluster {
namespace {

using enum net::error_code;
using testing::ElementsAre;

group_join with_protocols(group_join request, std::vector<std::string> const& names) {
  request.protocols.clear();
  for (auto const& name : names) request.protocols.push_back({name, name + " metadata"});
  return request;
}

std::vector<std::string> ids_of(group_join_answer const& answer) {
  std::vector<std::string> ids;
  for (auto const& each : answer.members) ids.push_back(each.id);
  return ids;
}

TEST(group_join, first_member_leads_and_is_told_the_members) {
  group_driver group;
  auto answer = group.joined(group.join(group.join_request()));
  EXPECT_EQ(answer.error, none);
  EXPECT_EQ(answer.generation, 1);
  EXPECT_EQ(answer.protocol_type, "consumer");
  EXPECT_EQ(answer.protocol, "range");
  EXPECT_EQ(answer.member_id, "client-uuid1");
  EXPECT_EQ(answer.leader, answer.member_id);
  EXPECT_FALSE(answer.skip_assignment);
  ASSERT_EQ(answer.members.size(), 1U);
  EXPECT_EQ(answer.members[0].metadata, "metadata");
  EXPECT_EQ(group.state(), group_state::completing_rebalance);
}

TEST(group_join, session_timeout_must_be_within_the_bounds) {
  group_driver group{{6'000, 1'800'000, 4, 0}};
  for (auto timeout : {5'999, 1'800'001, -1, 0}) {
    auto request = group.join_request("somebody");
    request.session_timeout_ms = timeout;
    auto answer = group.joined(group.join(request));
    EXPECT_EQ(answer.error, invalid_session_timeout);
    EXPECT_EQ(answer.member_id, "somebody");
    EXPECT_EQ(answer.generation, -1);
    EXPECT_EQ(answer.protocol_type, std::nullopt);
    EXPECT_EQ(answer.protocol, std::nullopt);
  }
  for (auto timeout : {6'000, 1'800'000}) {
    group_driver fresh{{6'000, 1'800'000, 4, 0}};
    auto request = fresh.join_request();
    request.session_timeout_ms = timeout;
    EXPECT_EQ(fresh.joined(fresh.join(request)).error, none);
  }
}

TEST(group_join, unknown_member_id_is_refused) {
  group_driver group;
  EXPECT_EQ(group.joined(group.join(group.join_request("nobody"))).error, unknown_member_id);
  group.stable({group.join_request()});
  EXPECT_EQ(group.joined(group.join(group.join_request("nobody"))).error, unknown_member_id);
  EXPECT_EQ(group.joined(group.join(group.static_request("nowhere", "nobody"))).error,
            unknown_member_id);
}

TEST(group_join, protocol_type_and_protocols_must_be_given_and_common) {
  group_driver group;
  auto no_type = group.join_request();
  no_type.protocol_type = "";
  EXPECT_EQ(group.joined(group.join(no_type)).error, inconsistent_group_protocol);
  EXPECT_EQ(group.joined(group.join(with_protocols(group.join_request(), {}))).error,
            inconsistent_group_protocol);

  group.stable({group.join_request()});
  auto other_type = group.join_request();
  other_type.protocol_type = "connect";
  auto answer = group.joined(group.join(other_type));
  EXPECT_EQ(answer.error, inconsistent_group_protocol);
  EXPECT_EQ(answer.member_id, "");
  EXPECT_EQ(group.joined(group.join(with_protocols(group.join_request(), {"roundrobin"}))).error,
            inconsistent_group_protocol);
  EXPECT_EQ(group.state(), group_state::stable);
}

TEST(group_join, known_member_that_changes_to_foreign_protocols_is_refused_and_stays) {
  group_driver group;
  auto members = group.stable({group.join_request()});
  auto again = with_protocols(group.join_request(members[0].member_id), {"roundrobin"});
  EXPECT_EQ(group.joined(group.join(again)).error, inconsistent_group_protocol);
  EXPECT_EQ(group.heartbeat(members[0].member_id, 1), none);
}

TEST(group_join, any_protocol_type_may_begin_an_empty_group_again) {
  group_driver group;
  auto members = group.stable({group.join_request()});
  EXPECT_THAT(group.leave({{.member_id = members[0].member_id}}), ElementsAre(none));
  EXPECT_EQ(group.state(), group_state::empty);
  EXPECT_EQ(group.subject().protocol_type(), "consumer");
  auto connect = with_protocols(group.join_request(), {"sessioned"});
  connect.protocol_type = "connect";
  auto answer = group.joined(group.join(connect));
  EXPECT_EQ(answer.error, none);
  EXPECT_EQ(answer.generation, 3);
  EXPECT_EQ(answer.protocol_type, "connect");
}

TEST(group_join, majority_chooses_among_the_protocols_that_all_have) {
  group_driver group;
  auto members = group.stable({with_protocols(group.join_request(), {"a", "b", "c"}),
                               with_protocols(group.join_request(), {"b", "c"}),
                               with_protocols(group.join_request(), {"c", "b"})});
  for (auto const& member : members) EXPECT_EQ(member.protocol, "b");
  EXPECT_EQ(members[0].members[0].metadata, "b metadata");
}

TEST(group_join, name_that_a_member_repeats_counts_once) {
  group_driver group;
  auto first = group.joined(group.join(with_protocols(group.join_request(), {"a", "a", "b"})));
  EXPECT_EQ(first.error, none);
  EXPECT_EQ(first.protocol, "a");
  auto second = group.join(with_protocols(group.join_request(), {"b", "b"}));
  group.join(with_protocols(group.join_request(first.member_id), {"a", "a", "b"}));
  EXPECT_EQ(group.joined(second).protocol, "b");
}

TEST(group_join, second_member_waits_for_the_first_to_join_again) {
  group_driver group;
  auto first = group.stable({group.join_request()})[0];
  auto second = group.join(group.join_request());
  EXPECT_TRUE(group.waits(second));
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
  EXPECT_EQ(group.heartbeat(first.member_id, 1), rebalance_in_progress);
  auto again = group.join(group.join_request(first.member_id));
  EXPECT_EQ(group.joined(again).generation, 2);
  EXPECT_EQ(group.joined(again).leader, first.member_id);
  EXPECT_EQ(group.joined(again).members.size(), 2U);
  EXPECT_EQ(group.joined(second).generation, 2);
  EXPECT_EQ(group.joined(second).leader, first.member_id);
  EXPECT_TRUE(group.joined(second).members.empty());
}

TEST(group_join, member_that_does_not_join_again_is_left_behind) {
  group_driver group;
  auto slow = group.join_request();
  slow.session_timeout_ms = 5'000;
  auto first = group.stable({slow})[0];
  auto second = group.join(group.join_request());
  group.advance(group_driver::rebalance_ms - 1);
  EXPECT_TRUE(group.waits(second));
  group.advance(1);
  auto answer = group.joined(second);
  EXPECT_EQ(answer.generation, 2);
  EXPECT_EQ(answer.leader, answer.member_id);
  EXPECT_THAT(ids_of(answer), ElementsAre(answer.member_id));
  EXPECT_EQ(group.heartbeat(first.member_id, 1), unknown_member_id);
}

TEST(group_join, rebalance_takes_as_long_as_the_slowest_member_may) {
  group_driver group;
  auto slow = group.join_request();
  slow.session_timeout_ms = 60'000;
  slow.rebalance_timeout_ms = 30'000;
  group.stable({slow});
  auto second = group.join(group.join_request());
  group.advance(29'999);
  EXPECT_TRUE(group.waits(second));
  group.advance(1);
  EXPECT_EQ(group.joined(second).error, none);
}

TEST(group_join, unchanged_follower_is_told_the_present_generation) {
  group_driver group;
  auto members = group.stable({group.join_request(), group.join_request()});
  auto answer = group.joined(group.join(group.join_request(members[1].member_id)));
  EXPECT_EQ(answer.error, none);
  EXPECT_EQ(answer.generation, 2);
  EXPECT_EQ(answer.leader, members[0].member_id);
  EXPECT_TRUE(answer.members.empty());
  EXPECT_EQ(group.state(), group_state::stable);
}

TEST(group_join, unchanged_leader_and_changed_follower_begin_a_rebalance) {
  group_driver group;
  auto members = group.stable({group.join_request(), group.join_request()});
  auto leader = group.join(group.join_request(members[0].member_id));
  EXPECT_TRUE(group.waits(leader));
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
  group.join(group.join_request(members[1].member_id));
  group.sync(members[0].member_id, 3);
  group.sync(members[1].member_id, 3);
  EXPECT_EQ(group.state(), group_state::stable);
  auto changed = group.join_request(members[1].member_id);
  changed.protocols[0].metadata = "more topics";
  group.join(changed);
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
}

TEST(group_join, lost_answer_is_given_again_while_the_assignment_is_awaited) {
  group_driver group;
  auto first = group.joined(group.join(group.join_request()));
  auto again = group.joined(group.join(group.join_request(first.member_id)));
  EXPECT_EQ(again.generation, 1);
  EXPECT_EQ(again.members.size(), 1U);
  auto changed = group.join_request(first.member_id);
  changed.protocols[0].metadata = "other";
  auto changed_answer = group.joined(group.join(changed));
  EXPECT_EQ(changed_answer.generation, 2);
  EXPECT_EQ(changed_answer.members[0].metadata, "other");
}

TEST(group_join, second_join_of_a_waiting_member_replaces_the_first) {
  group_driver group;
  auto members = group.stable({group.join_request(), group.join_request()});
  auto older = group.join(group.join_request(members[0].member_id));
  auto newer = group.join(group.join_request(members[0].member_id));
  EXPECT_EQ(group.joined(older).error, rebalance_in_progress);
  EXPECT_TRUE(group.waits(newer));
  group.join(group.join_request(members[1].member_id));
  EXPECT_EQ(group.joined(newer).generation, 3);
}

TEST(group_join, forgotten_request_keeps_its_member_waiting_and_gets_no_answer) {
  group_driver group;
  auto members = group.stable({group.join_request(), group.join_request()});
  auto gone = group.join(group.join_request(members[0].member_id));
  group.subject().forget(gone);
  EXPECT_EQ(group.joined(group.join(group.join_request(members[1].member_id))).generation, 3);
  EXPECT_TRUE(group.waits(gone));
  EXPECT_EQ(group.subject().size(), 2U);
  group.advance(group_driver::session_ms);
  EXPECT_EQ(group.subject().size(), 0U);
}

TEST(group_join, new_member_with_a_protracted_wait_is_given_up_after_five_minutes) {
  group_driver group{{10, 3'600'000, 4, 0}};
  auto patient = group.join_request();
  patient.session_timeout_ms = 305'000;
  patient.rebalance_timeout_ms = 600'000;
  group.stable({patient});
  auto waiting = group.join(patient);
  group.advance(299'999);
  EXPECT_TRUE(group.waits(waiting));
  group.advance(1);
  EXPECT_EQ(group.joined(waiting).error, unknown_member_id);
  EXPECT_EQ(group.joined(waiting).member_id, "");
  EXPECT_EQ(group.subject().size(), 1U);
}

TEST(group_join, new_members_session_counts_once_it_has_joined) {
  group_driver group;
  auto first = group.stable({group.join_request()})[0];
  auto second = group.join(group.join_request());
  group.join(group.join_request(first.member_id));
  EXPECT_EQ(group.joined(second).error, none);
  group.advance(group_driver::session_ms);
  EXPECT_EQ(group.subject().size(), 0U);
  EXPECT_EQ(group.state(), group_state::empty);
}

TEST(group_join, initial_rebalance_is_delayed_again_while_members_come) {
  group_driver group{{10, 600'000, 4, 100}};
  auto request = group.join_request();
  request.rebalance_timeout_ms = 300;
  auto first = group.join(request);
  group.advance(99);
  EXPECT_TRUE(group.waits(first));
  auto second = group.join(request);
  group.advance(100);
  EXPECT_TRUE(group.waits(first));
  group.advance(1);
  EXPECT_EQ(group.joined(first).generation, 1);
  EXPECT_EQ(group.joined(second).generation, 1);
}

TEST(group_join, initial_rebalance_is_delayed_up_to_the_rebalance_timeout) {
  group_driver group{{10, 600'000, 10, 100}};
  auto request = group.join_request();
  request.rebalance_timeout_ms = 250;
  std::vector<group_ticket> tickets;
  for (int i = 0; i < 5; ++i) {
    tickets.push_back(group.join(request));
    if (i < 4) group.advance(60);
  }
  group.advance(9);
  for (auto ticket : tickets) EXPECT_TRUE(group.waits(ticket));
  group.advance(1);
  for (auto ticket : tickets) EXPECT_EQ(group.joined(ticket).generation, 1);
}

TEST(group_join, initial_rebalance_whose_members_all_left_makes_the_group_empty) {
  group_driver group{{10, 600'000, 4, 100}};
  auto request = group.join_request();
  request.requires_known_member_id = true;
  request.member_id = group.joined(group.join(request)).member_id;
  auto waiting = group.join(request);
  EXPECT_THAT(group.leave({{.member_id = request.member_id}}), ElementsAre(none));
  EXPECT_EQ(group.joined(waiting).error, unknown_member_id);
  group.advance(100);
  EXPECT_EQ(group.state(), group_state::empty);
  EXPECT_EQ(group.durable().generation, 1);
  EXPECT_EQ(group.durable().protocol, std::nullopt);
  EXPECT_EQ(group.durable().leader, std::nullopt);
}

}  // namespace
}  // namespace karst::cluster
