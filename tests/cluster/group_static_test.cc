// Static members (KIP-345, KIP-814). Most cases are those of Kafka's GroupCoordinatorTest.
#include <gmock/gmock.h>

#include "tests/cluster/group_driver.h"

namespace karst::cluster {
namespace {

using enum net::error_code;
using testing::ElementsAre;

struct group_static : testing::Test {
  group_static() {
    auto a = group.static_request("a");
    a.protocols = {{"range", "metadata"}, {"roundrobin", "metadata"}};
    auto b = a;
    b.instance_id = "b";
    auto members = group.stable({a, b});
    leader = members[0].member_id;
    follower = members[1].member_id;
  }
  group_join request(std::string instance_id, std::string member_id = "") {
    auto request = group.static_request(std::move(instance_id), std::move(member_id));
    request.protocols = {{"range", "metadata"}, {"roundrobin", "metadata"}};
    return request;
  }
  net::error_code heartbeat(std::string const& id, std::string_view instance,
                            std::int32_t generation = 2) {
    return group.subject().heartbeat(id, instance, generation, group.now());
  }
  group_driver group;
  std::string leader;
  std::string follower;
};

TEST_F(group_static, id_is_made_of_the_instance_and_needs_no_second_join) {
  auto cautious = request("c");
  cautious.requires_known_member_id = true;
  auto ticket = group.join(cautious);
  EXPECT_TRUE(group.waits(ticket));
  group.join(request("a", leader));
  group.join(request("b", follower));
  EXPECT_TRUE(group.joined(ticket).member_id.starts_with("c-uuid"));
}

TEST_F(group_static, follower_that_comes_again_causes_no_rebalance_and_finds_its_assignment) {
  auto answer = group.joined(group.join(request("b")));
  EXPECT_EQ(answer.error, none);
  EXPECT_EQ(answer.generation, 2);
  EXPECT_NE(answer.member_id, follower);
  EXPECT_EQ(answer.leader, leader);
  EXPECT_TRUE(answer.members.empty());
  EXPECT_FALSE(answer.skip_assignment);
  EXPECT_EQ(group.state(), group_state::stable);
  auto sync = group.sync({.member_id = answer.member_id, .instance_id = "b", .generation = 2});
  EXPECT_EQ(group.synced(sync).assignment, "to " + follower);
  // A restart knows the new id.
  EXPECT_EQ(group.durable(), group.subject().image());
}

TEST_F(group_static, old_id_is_fenced_everywhere) {
  auto taken = group.joined(group.join(request("b"))).member_id;
  EXPECT_EQ(group.joined(group.join(request("b", follower))).error, fenced_instance_id);
  EXPECT_EQ(heartbeat(follower, "b"), fenced_instance_id);
  EXPECT_EQ(group.heartbeat(follower, 2), unknown_member_id);
  auto sync = group.sync({.member_id = follower, .instance_id = "b", .generation = 2});
  EXPECT_EQ(group.synced(sync).error, fenced_instance_id);
  EXPECT_EQ(group.subject().check_commit(follower, "b", 2, {}), fenced_instance_id);
  EXPECT_THAT(group.leave({{.member_id = follower, .instance_id = "b"}}),
              ElementsAre(fenced_instance_id));
  EXPECT_EQ(heartbeat(taken, "b"), none);
}

TEST_F(group_static, leader_that_comes_again_is_told_of_its_old_self_so_that_it_assigns_nothing) {
  auto answer = group.joined(group.join(request("a")));
  EXPECT_EQ(answer.error, none);
  EXPECT_EQ(answer.leader, leader);
  EXPECT_TRUE(answer.members.empty());
  EXPECT_EQ(group.subject().image().leader, answer.member_id);
}

TEST_F(group_static, leader_that_knows_skipping_leads_on_without_assigning) {
  auto skips = request("a");
  skips.supports_skip_assignment = true;
  auto answer = group.joined(group.join(skips));
  EXPECT_TRUE(answer.skip_assignment);
  EXPECT_EQ(answer.leader, answer.member_id);
  EXPECT_EQ(answer.members.size(), 2U);
  skips.instance_id = "b";
  auto other = group.joined(group.join(skips));
  EXPECT_FALSE(other.skip_assignment);
  EXPECT_EQ(other.leader, answer.member_id);
}

TEST_F(group_static, known_id_of_the_leader_begins_a_rebalance_of_a_follower_does_not) {
  EXPECT_EQ(group.joined(group.join(request("b", follower))).generation, 2);
  auto again = group.join(request("a", leader));
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
  EXPECT_TRUE(group.waits(again));
}

TEST_F(group_static, change_that_keeps_the_protocol_causes_no_rebalance_one_that_does_not_does) {
  auto fewer = request("b");
  fewer.protocols = {{"range", "metadata"}};
  EXPECT_EQ(group.joined(group.join(fewer)).generation, 2);
  EXPECT_EQ(group.state(), group_state::stable);
  auto other = request("a");
  other.protocols = {{"range", "metadata"}};
  EXPECT_EQ(group.joined(group.join(other)).generation, 2);
  group_driver fresh;
  auto members = fresh.stable({request("a"), request("b")});
  auto changing = request("b");
  changing.protocols = {{"roundrobin", "metadata"}};
  auto ticket = fresh.join(changing);
  EXPECT_EQ(fresh.state(), group_state::preparing_rebalance);
  fresh.join(request("a", members[0].member_id));
  EXPECT_EQ(fresh.joined(ticket).protocol, "roundrobin");
  EXPECT_EQ(fresh.joined(ticket).generation, 3);
}

TEST_F(group_static, timeouts_of_the_new_process_count) {
  auto longer = request("b");
  longer.session_timeout_ms = 2 * group_driver::session_ms;
  longer.rebalance_timeout_ms = 3 * group_driver::rebalance_ms;
  group.join(longer);
  for (auto const& member : group.subject().image().members) {
    if (member.instance_id != "b") continue;
    EXPECT_EQ(member.session_timeout_ms, 2 * group_driver::session_ms);
    EXPECT_EQ(member.rebalance_timeout_ms, 3 * group_driver::rebalance_ms);
  }
}

TEST_F(group_static, new_process_waits_until_its_id_is_stored) {
  group.hold_stores();
  auto ticket = group.join(request("b"));
  EXPECT_TRUE(group.waits(ticket));
  EXPECT_EQ(heartbeat(follower, "b"), fenced_instance_id);
  group.finish(group.held().at(0));
  EXPECT_EQ(group.joined(ticket).error, none);
}

TEST_F(group_static, new_process_that_cannot_be_stored_leaves_the_old_one_as_it_was) {
  auto before = group.subject().image();
  group.fail_stores(unknown_server_error);
  auto changed = request("b");
  changed.protocols = {{"range", "other"}};
  changed.session_timeout_ms = 2 * group_driver::session_ms;
  auto answer = group.joined(group.join(changed));
  EXPECT_EQ(answer.error, unknown_server_error);
  EXPECT_EQ(answer.member_id, "");
  EXPECT_EQ(answer.generation, 2);
  EXPECT_EQ(answer.protocol_type, "consumer");
  EXPECT_EQ(group.state(), group_state::stable);
  EXPECT_EQ(group.subject().image(), before);
  EXPECT_EQ(heartbeat(follower, "b"), none);
}

TEST_F(group_static, two_new_processes_that_cannot_be_stored_leave_the_old_one_as_it_was) {
  auto before = group.subject().image();
  group.hold_stores();
  auto changed = request("a");
  changed.protocols = {{"range", "other"}};
  auto first = group.join(changed);
  auto second = group.join(request("a"));
  EXPECT_EQ(group.joined(first).error, fenced_instance_id);
  ASSERT_EQ(group.held().size(), 2U);
  group.finish(group.held()[0], not_coordinator);
  EXPECT_TRUE(group.waits(second));
  group.finish(group.held()[1], not_coordinator);
  EXPECT_EQ(group.joined(second).error, not_coordinator);
  EXPECT_EQ(group.subject().image(), before);
}

TEST_F(group_static, new_process_that_cannot_be_stored_is_not_left_in_the_record_of_another) {
  group.hold_stores();
  group.join(request("a"));
  auto second = group.join(request("b"));
  ASSERT_EQ(group.held().size(), 2U);
  group.finish(group.held()[0], not_coordinator);
  ASSERT_EQ(group.held().size(), 3U);
  group.finish(group.held()[1]);
  group.finish(group.held()[2]);
  EXPECT_EQ(group.joined(second).error, none);
  EXPECT_EQ(heartbeat(leader, "a"), none);
  EXPECT_EQ(group.durable(), group.subject().image());
}

TEST_F(group_static, rebalance_meanwhile_answers_the_new_process_instead_of_the_store) {
  group.hold_stores();
  auto ticket = group.join(request("b"));
  auto third = group.join(request("c"));
  group.join(request("a", leader));
  EXPECT_EQ(group.joined(ticket).generation, 3);
  EXPECT_EQ(group.joined(third).generation, 3);
  group.finish(group.held().at(0), not_coordinator);
  EXPECT_EQ(group.heartbeat(group.joined(ticket).member_id, 3), none);
}

TEST_F(group_static, waiting_join_of_the_old_process_is_fenced) {
  auto third = group.join(group.join_request());
  auto old_join = group.join(request("b", follower));
  auto new_join = group.join(request("b"));
  auto answer = group.joined(old_join);
  EXPECT_EQ(answer.error, fenced_instance_id);
  EXPECT_EQ(answer.member_id, follower);
  EXPECT_EQ(answer.generation, -1);
  EXPECT_TRUE(group.waits(new_join) && group.waits(third));
}

TEST_F(group_static, waiting_sync_of_the_old_process_is_fenced_and_a_rebalance_begins) {
  group.join(request("a", leader));
  group.join(request("b", follower));
  auto sync = group.sync({.member_id = follower, .instance_id = "b", .generation = 3});
  auto taken = group.join(request("b"));
  EXPECT_EQ(group.synced(sync).error, fenced_instance_id);
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
  group.join(request("a", leader));
  EXPECT_EQ(group.joined(taken).generation, 4);
}

TEST_F(group_static, absent_member_stays_in_the_next_generation_until_its_session_ends) {
  auto third = request("c");
  third.session_timeout_ms = 5'000;
  auto ticket = group.join(third);
  group.advance(300);
  EXPECT_EQ(heartbeat(leader, "a"), rebalance_in_progress);
  group.join(request("b", follower));
  // The leader's session goes on from its heartbeat; the rebalance timeout comes first.
  group.advance(200);
  auto answer = group.joined(ticket);
  EXPECT_EQ(answer.generation, 3);
  EXPECT_EQ(group.subject().size(), 3U);
  EXPECT_NE(answer.leader, leader);
  // It never asks for its assignment.
  EXPECT_EQ(heartbeat(leader, "a"), illegal_generation);
  group.advance(499);
  EXPECT_EQ(heartbeat(leader, "a"), illegal_generation);
  group.advance(1);
  EXPECT_EQ(heartbeat(leader, "a"), unknown_member_id);
}

// Kafka: testLeaderFailToRejoinBeforeFinalRebalanceTimeoutWithLongSessionTimeout.
TEST(group_static_alone, rebalance_that_nobody_joins_waits_for_sessions_to_end) {
  group_driver group;
  auto slow = group.static_request("a");
  slow.session_timeout_ms = 3'000;
  auto members = group.stable({slow, group.join_request()});
  group.leave({{.member_id = members[1].member_id}});
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
  group.advance(2'999);
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
  EXPECT_EQ(group.subject().generation(), 2);
  group.advance(1);
  EXPECT_EQ(group.state(), group_state::empty);
  EXPECT_EQ(group.subject().generation(), 3);
}

TEST(group_static_alone, rebalance_that_nobody_joined_goes_on_with_the_first_who_comes) {
  group_driver group;
  auto slow = group.static_request("a");
  slow.session_timeout_ms = 3'000;
  auto members = group.stable({slow, group.join_request()});
  group.leave({{.member_id = members[1].member_id}});
  group.advance(2'000);
  auto answer = group.joined(group.join(slow));
  EXPECT_EQ(answer.generation, 3);
  EXPECT_EQ(answer.leader, answer.member_id);
  EXPECT_EQ(answer.members.size(), 1U);
}

TEST(group_static_alone, rebalance_timeout_of_nothing_is_no_busy_loop) {
  group_driver group;
  auto hasty = group.static_request("a");
  hasty.rebalance_timeout_ms = 0;
  hasty.session_timeout_ms = 60'000;
  auto second = hasty;
  second.instance_id = "b";
  auto first = group.joined(group.join(hasty));
  group.sync(first.member_id, 1);
  group.join(second);
  group.advance(60'000);
  EXPECT_EQ(group.state(), group_state::empty);
}

TEST_F(group_static, wrong_ids_are_refused) {
  EXPECT_EQ(group.joined(group.join(request("a", follower))).error, fenced_instance_id);
  EXPECT_EQ(group.joined(group.join(request("b", "nobody"))).error, fenced_instance_id);
  EXPECT_EQ(group.joined(group.join(request("x", leader))).error, unknown_member_id);
  EXPECT_EQ(heartbeat(leader, "x"), unknown_member_id);
  EXPECT_EQ(heartbeat("nobody", "a"), fenced_instance_id);
  EXPECT_EQ(heartbeat(leader, "a"), none);
}

}  // namespace
}  // namespace karst::cluster
