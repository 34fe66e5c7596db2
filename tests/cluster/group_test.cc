// A group's states as heartbeats, commits, descriptions, restarts and its end see them.
#include "cluster/group.h"

#include <gmock/gmock.h>

#include "net/consumer_protocol.h"
#include "tests/cluster/group_driver.h"

namespace karst::cluster {
namespace {

using enum net::error_code;
using testing::ElementsAre;

net::error_code commit(group_driver& group, std::string_view member_id, std::int32_t generation) {
  return group.subject().check_commit(member_id, std::nullopt, generation, group.now());
}

TEST(group, is_empty_at_first) {
  group_driver group;
  EXPECT_EQ(group.state(), group_state::empty);
  EXPECT_EQ(group.subject().generation(), 0);
  EXPECT_EQ(group.subject().protocol_type(), "");
  EXPECT_EQ(group.subject().wake_at(), never);
  EXPECT_EQ(group.subject().subscribed_topics(), std::nullopt);
}

TEST(group, states_are_named_as_kafka_names_them) {
  EXPECT_EQ(group_state_name(group_state::empty), "Empty");
  EXPECT_EQ(group_state_name(group_state::preparing_rebalance), "PreparingRebalance");
  EXPECT_EQ(group_state_name(group_state::completing_rebalance), "CompletingRebalance");
  EXPECT_EQ(group_state_name(group_state::stable), "Stable");
  EXPECT_EQ(group_state_name(group_state::dead), "Dead");
}

TEST(group_heartbeat, wrong_ones_are_refused) {
  group_driver group;
  EXPECT_EQ(group.heartbeat("nobody", 0), unknown_member_id);
  auto member = group.stable({group.join_request()})[0].member_id;
  EXPECT_EQ(group.heartbeat("nobody", 1), unknown_member_id);
  EXPECT_EQ(group.heartbeat(member, 0), illegal_generation);
  EXPECT_EQ(group.heartbeat(member, 2), illegal_generation);
  EXPECT_EQ(group.heartbeat(member, 1), none);
}

TEST(group_heartbeat, session_ends_without_and_goes_on_with_it) {
  group_driver group;
  auto member = group.stable({group.join_request()})[0].member_id;
  for (int i = 0; i < 5; ++i) {
    group.advance(group_driver::session_ms - 1);
    EXPECT_EQ(group.heartbeat(member, 1), none);
  }
  group.advance(group_driver::session_ms);
  EXPECT_EQ(group.heartbeat(member, 1), unknown_member_id);
  EXPECT_EQ(group.state(), group_state::empty);
}

TEST(group_heartbeat, keeps_a_member_alive_while_the_assignment_is_awaited) {
  group_driver group;
  auto request = group.join_request();
  request.rebalance_timeout_ms = 60'000;
  auto member = group.joined(group.join(request)).member_id;
  for (int i = 0; i < 3; ++i) {
    group.advance(400);
    EXPECT_EQ(group.heartbeat(member, 1), none);
  }
  group.advance(group_driver::session_ms);
  EXPECT_EQ(group.heartbeat(member, 1), unknown_member_id);
}

TEST(group_heartbeat, member_that_falls_silent_in_a_rebalance_is_removed_and_it_goes_on) {
  group_driver group;
  auto request = group.join_request();
  request.rebalance_timeout_ms = 60'000;
  auto first = group.stable({request})[0].member_id;
  auto second = group.join(group.join_request());
  group.advance(250);
  EXPECT_EQ(group.heartbeat(first, 1), rebalance_in_progress);
  group.advance(group_driver::session_ms);
  EXPECT_EQ(group.heartbeat(first, 1), unknown_member_id);
  EXPECT_EQ(group.joined(second).generation, 2);
}

TEST(group_heartbeat, of_all_members_cost_no_timer_each) {
  group_driver group{{10, 600'000, 1000, 100}};
  std::vector<group_ticket> tickets;
  for (int i = 0; i < 1000; ++i) tickets.push_back(group.join(group.join_request()));
  group.advance(200);
  std::vector<std::string> ids;
  for (auto ticket : tickets) ids.push_back(group.joined(ticket).member_id);
  for (auto const& id : ids) group.sync(id, 1);
  EXPECT_EQ(group.state(), group_state::stable);
  auto wakes = 0;
  for (int i = 0; i < 100; ++i) {
    for (auto const& id : ids) ASSERT_EQ(group.heartbeat(id, 1), none);
    wakes += group.advance(group_driver::session_ms / 5);
  }
  EXPECT_EQ(group.subject().size(), 1000U);
  // Each looks at all members; they are as many as sessions that pass, whoever beats how often.
  EXPECT_LE(wakes, 30);
}

TEST(group_commit, is_open_to_everybody_without_a_generation_while_the_group_is_empty) {
  group_driver group;
  EXPECT_EQ(commit(group, "", -1), none);
  EXPECT_EQ(commit(group, "whoever", -1), none);
  EXPECT_EQ(commit(group, "whoever", 0), unknown_member_id);
  EXPECT_EQ(commit(group, "", 0), unknown_member_id);
}

TEST(group_commit, is_for_members_of_the_generation_while_the_group_has_members) {
  group_driver group;
  auto member = group.stable({group.join_request()})[0].member_id;
  EXPECT_EQ(commit(group, member, 1), none);
  EXPECT_EQ(commit(group, member, 0), illegal_generation);
  EXPECT_EQ(commit(group, member, -1), illegal_generation);
  EXPECT_EQ(commit(group, "nobody", 1), unknown_member_id);
  EXPECT_EQ(commit(group, "", -1), unknown_member_id);
}

TEST(group_commit, of_the_last_generation_is_taken_until_the_next_begins) {
  group_driver group;
  auto member = group.stable({group.join_request()})[0].member_id;
  auto second = group.join(group.join_request());
  EXPECT_EQ(commit(group, member, 1), none);
  group.join(group.join_request(member));
  EXPECT_EQ(group.joined(second).error, none);
  EXPECT_EQ(commit(group, member, 1), illegal_generation);
  EXPECT_EQ(commit(group, member, 2), rebalance_in_progress);
  EXPECT_EQ(commit(group, "nobody", 2), unknown_member_id);
}

TEST(group_commit, keeps_a_member_alive) {
  group_driver group;
  auto member = group.stable({group.join_request()})[0].member_id;
  for (int i = 0; i < 3; ++i) {
    group.advance(400);
    EXPECT_EQ(commit(group, member, 1), none);
  }
  group.advance(group_driver::session_ms);
  EXPECT_EQ(commit(group, member, 1), unknown_member_id);
}

TEST(group_description, tells_protocol_and_assignments_only_while_stable) {
  group_driver group;
  auto members = group.stable({group.static_request("a"), group.join_request()});
  auto stable = group.subject().describe();
  EXPECT_EQ(stable, group.subject().image());
  EXPECT_EQ(stable.protocol, "range");
  ASSERT_EQ(stable.members.size(), 2U);
  EXPECT_EQ(stable.members[0].id, members[0].member_id);
  EXPECT_EQ(stable.members[0].instance_id, "a");
  EXPECT_EQ(stable.members[0].client_id, "client");
  EXPECT_EQ(stable.members[0].client_host, "/127.0.0.1");
  EXPECT_EQ(stable.members[0].subscription, "metadata");
  EXPECT_EQ(stable.members[0].assignment, "to " + members[0].member_id);
  group.join(group.join_request());
  auto preparing = group.subject().describe();
  EXPECT_EQ(preparing.protocol, "");
  ASSERT_EQ(preparing.members.size(), 3U);
  for (auto const& member : preparing.members) {
    EXPECT_EQ(member.subscription, "");
    EXPECT_EQ(member.assignment, "");
    EXPECT_EQ(member.client_id, "client");
  }
}

group_join subscribed(std::vector<std::string> topics) {
  auto request = group_driver::join_request();
  request.protocols = {
      {"range", to_bytes(net::consumer_subscription{.topics = std::move(topics)})}};
  return request;
}

TEST(group_topics, are_those_of_all_members) {
  group_driver group;
  group.stable({subscribed({"b", "a"}), subscribed({"c", "a"})});
  ASSERT_NE(group.subject().subscribed_topics(), std::nullopt);
  EXPECT_THAT(*group.subject().subscribed_topics(), ElementsAre("a", "b", "c"));
  group_driver again{{10, 600'000, 4, 0}, group.durable()};
  EXPECT_EQ(again.subject().subscribed_topics(), group.subject().subscribed_topics());
}

TEST(group_topics, are_unknown_where_one_member_cannot_be_read_or_the_type_is_another) {
  group_driver group;
  auto garbage = subscribed({});
  garbage.protocols[0].metadata = "garbage";
  group.stable({subscribed({"b"}), garbage});
  EXPECT_EQ(group.subject().subscribed_topics(), std::nullopt);
  group_driver connect;
  auto worker = subscribed({"b"});
  worker.protocol_type = "connect";
  connect.stable({worker});
  EXPECT_EQ(connect.subject().subscribed_topics(), std::nullopt);
}

TEST(group_restart, members_go_on_and_their_sessions_begin) {
  group_driver before;
  auto members = before.stable({before.static_request("a"), before.join_request()});
  group_driver group{{10, 600'000, 4, 0}, before.durable()};
  EXPECT_EQ(group.state(), group_state::stable);
  EXPECT_EQ(group.subject().generation(), 2);
  EXPECT_EQ(group.subject().protocol_type(), "consumer");
  EXPECT_EQ(group.subject().image(), before.durable());
  group.advance(group_driver::session_ms - 1);
  EXPECT_EQ(group.heartbeat(members[1].member_id, 2), none);
  EXPECT_EQ(group.synced(group.sync(members[1].member_id, 2)).assignment,
            "to " + members[1].member_id);
  group.advance(1);
  EXPECT_EQ(group.heartbeat(members[1].member_id, 2), rebalance_in_progress);
  EXPECT_EQ(group.subject().size(), 1U);
}

TEST(group_restart, empty_group_stays_empty_since_it_was) {
  group_driver before;
  auto member = before.stable({before.join_request()})[0];
  before.advance(group_driver::session_ms);
  group_driver group{{10, 600'000, 4, 0}, before.durable()};
  EXPECT_EQ(group.state(), group_state::empty);
  EXPECT_EQ(group.subject().generation(), 2);
  EXPECT_EQ(group.subject().state_timestamp(), before.subject().state_timestamp());
  EXPECT_EQ(group.subject().protocol_type(), "consumer");
  EXPECT_EQ(group.joined(group.join(group.join_request())).generation, 3);
}

TEST(group_restart, record_of_nonsense_makes_a_group_that_works) {
  group_image image{.protocol_type = "consumer",
                    .generation = std::numeric_limits<std::int32_t>::max(),
                    .leader = "nobody"};
  group_member_image member{.id = "m", .instance_id = "i", .session_timeout_ms = 100};
  image.members = {member, member, {.id = "n", .instance_id = "i"}, {.id = ""}};
  group_driver group{{10, 600'000, 4, 0}, image};
  EXPECT_EQ(group.subject().size(), 1U);
  EXPECT_EQ(group.subject().image().leader, "m");
  EXPECT_EQ(group.joined(group.join(group.join_request())).error, inconsistent_group_protocol);
  group.advance(100);
  EXPECT_EQ(group.state(), group_state::empty);
  EXPECT_GT(group.subject().generation(), 0);
  EXPECT_EQ(group.joined(group.join(group.join_request())).error, none);
}

TEST(group_end, answers_all_who_wait_and_then_nothing_but_errors) {
  group_driver group;
  auto members = group.stable({group.join_request(), group.join_request()});
  auto waiting = group.join(group.join_request(members[0].member_id));
  group.end(not_coordinator);
  EXPECT_EQ(group.joined(waiting).error, not_coordinator);
  EXPECT_EQ(group.joined(waiting).member_id, members[0].member_id);
  EXPECT_EQ(group.state(), group_state::dead);
  EXPECT_EQ(group.subject().wake_at(), never);
  EXPECT_EQ(group.joined(group.join(group.join_request())).error, coordinator_not_available);
  EXPECT_EQ(group.joined(group.join(group.join_request(members[0].member_id))).error,
            coordinator_not_available);
  EXPECT_EQ(group.synced(group.sync(members[0].member_id, 2)).error, coordinator_not_available);
  EXPECT_EQ(group.heartbeat(members[0].member_id, 2), coordinator_not_available);
  EXPECT_EQ(commit(group, "", -1), coordinator_not_available);
}

TEST(group_end, answers_syncs_and_forgets_stores) {
  group_driver group;
  auto first = group.joined(group.join(group.join_request()));
  group.hold_stores();
  auto sync = group.sync(first.member_id, 1);
  group.end(not_coordinator);
  EXPECT_EQ(group.synced(sync).error, not_coordinator);
  group.finish(group.held().at(0));
  EXPECT_EQ(group.state(), group_state::dead);
}

}  // namespace
}  // namespace karst::cluster
