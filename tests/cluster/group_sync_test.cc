// SyncGroup, the storing of assignments, and members that never ask for theirs.
#include <gmock/gmock.h>

#include "tests/cluster/group_driver.h"

namespace karst::cluster {
namespace {

using enum net::error_code;
using testing::ElementsAre;

// Three members of generation 3, none of which has sent SyncGroup.
struct group_sync_three : testing::Test {
  group_sync_three() {
    members = group.stable({group.join_request(), group.join_request()});
    auto third = group.join(group.join_request());
    for (auto& member : members)
      tickets.push_back(group.join(group.join_request(member.member_id)));
    for (std::size_t i = 0; i < members.size(); ++i) members[i] = group.joined(tickets[i]);
    members.push_back(group.joined(third));
    EXPECT_EQ(group.state(), group_state::completing_rebalance);
  }
  group_ticket sync(std::size_t member) {
    return group.sync(members[member].member_id, 3,
                      {{members[0].member_id, "one"}, {members[1].member_id, "two"}});
  }
  group_driver group;
  std::vector<group_join_answer> members;
  std::vector<group_ticket> tickets;
};

TEST_F(group_sync_three, followers_wait_for_the_leader) {
  auto second = sync(1);
  auto third = sync(2);
  EXPECT_TRUE(group.waits(second) && group.waits(third));
  auto first = sync(0);
  EXPECT_EQ(group.synced(first).assignment, "one");
  EXPECT_EQ(group.synced(second).assignment, "two");
  EXPECT_EQ(group.synced(second).protocol_type, "consumer");
  EXPECT_EQ(group.synced(second).protocol, "range");
  // Whom the leader leaves out has nothing.
  EXPECT_EQ(group.synced(third).error, none);
  EXPECT_EQ(group.synced(third).assignment, "");
  EXPECT_EQ(group.state(), group_state::stable);
}

TEST_F(group_sync_three, follower_after_the_leader_is_answered_at_once) {
  sync(0);
  EXPECT_EQ(group.synced(sync(1)).assignment, "two");
  EXPECT_EQ(group.synced(sync(1)).assignment, "two");
}

TEST_F(group_sync_three, nobody_is_answered_before_the_assignment_is_stored) {
  group.hold_stores();
  auto first = sync(0);
  auto second = sync(1);
  ASSERT_EQ(group.held().size(), 1U);
  EXPECT_TRUE(group.waits(first) && group.waits(second));
  EXPECT_EQ(group.state(), group_state::completing_rebalance);
  EXPECT_EQ(group.held()[0].image.generation, 3);
  EXPECT_EQ(group.held()[0].image.leader, members[0].member_id);
  group.finish(group.held()[0]);
  EXPECT_EQ(group.synced(first).error, none);
  EXPECT_EQ(group.synced(second).assignment, "two");
}

TEST_F(group_sync_three, leader_that_asks_twice_stores_once) {
  group.hold_stores();
  auto older = sync(0);
  auto newer = sync(0);
  EXPECT_EQ(group.synced(older).error, rebalance_in_progress);
  ASSERT_EQ(group.held().size(), 1U);
  group.finish(group.held()[0]);
  EXPECT_EQ(group.synced(newer).assignment, "one");
}

TEST_F(group_sync_three, assignment_that_cannot_be_stored_fails_all_and_begins_again) {
  group.fail_stores(not_coordinator);
  auto second = sync(1);
  auto first = sync(0);
  for (auto ticket : {first, second}) {
    EXPECT_EQ(group.synced(ticket).error, not_coordinator);
    EXPECT_EQ(group.synced(ticket).protocol_type, std::nullopt);
    EXPECT_EQ(group.synced(ticket).assignment, "");
  }
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
  EXPECT_EQ(group.heartbeat(members[2].member_id, 3), rebalance_in_progress);
}

TEST_F(group_sync_three, late_outcome_of_a_store_changes_nothing) {
  group.hold_stores();
  auto first = sync(0);
  group.join(group.join_request());
  EXPECT_EQ(group.synced(first).error, rebalance_in_progress);
  group.finish(group.held()[0]);
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
  group.finish(group.held()[0], not_coordinator);
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
}

TEST_F(group_sync_three, store_of_an_earlier_generation_assigns_nothing_in_this_one) {
  group.hold_stores();
  sync(0);
  group.leave({{.member_id = members[2].member_id}});
  for (int i : {0, 1}) group.join(group.join_request(members[i].member_id));
  EXPECT_EQ(group.state(), group_state::completing_rebalance);
  auto second = group.sync(members[1].member_id, 4);
  group.finish(group.held()[0]);
  EXPECT_EQ(group.state(), group_state::completing_rebalance);
  EXPECT_TRUE(group.waits(second));
}

TEST_F(group_sync_three, wrong_requests_are_refused) {
  auto id = members[1].member_id;
  EXPECT_EQ(group.synced(group.sync("nobody", 3)).error, unknown_member_id);
  EXPECT_EQ(group.synced(group.sync(id, 2)).error, illegal_generation);
  EXPECT_EQ(group.synced(group.sync(id, 4)).error, illegal_generation);
  auto other_type = group.sync({.member_id = id, .generation = 3, .protocol_type = "connect"});
  EXPECT_EQ(group.synced(other_type).error, inconsistent_group_protocol);
  auto other_protocol = group.sync({.member_id = id, .generation = 3, .protocol = "roundrobin"});
  EXPECT_EQ(group.synced(other_protocol).error, inconsistent_group_protocol);
  auto right = group.sync(
      {.member_id = id, .generation = 3, .protocol_type = "consumer", .protocol = "range"});
  EXPECT_TRUE(group.waits(right));
}

TEST_F(group_sync_three, parked_sync_is_failed_by_a_new_rebalance) {
  auto second = sync(1);
  group.leave({{.member_id = members[2].member_id}});
  EXPECT_EQ(group.synced(second).error, rebalance_in_progress);
  EXPECT_EQ(group.synced(sync(1)).error, rebalance_in_progress);
}

TEST_F(group_sync_three, member_that_leaves_while_it_waits_is_answered) {
  auto second = sync(1);
  group.leave({{.member_id = members[1].member_id}});
  EXPECT_EQ(group.synced(second).error, unknown_member_id);
}

// Heartbeats alone do not keep a member that never asks for its assignment.
TEST_F(group_sync_three, all_who_send_no_sync_are_removed) {
  group.advance(250);
  for (auto const& member : members) EXPECT_EQ(group.heartbeat(member.member_id, 3), none);
  group.advance(250);
  for (auto const& member : members) {
    EXPECT_EQ(group.heartbeat(member.member_id, 3), unknown_member_id);
  }
  EXPECT_EQ(group.state(), group_state::empty);
  EXPECT_EQ(group.durable().generation, 4);
}

TEST_F(group_sync_three, followers_who_send_no_sync_are_removed_from_the_stable_group) {
  group.advance(250);
  for (auto const& member : members) EXPECT_EQ(group.heartbeat(member.member_id, 3), none);
  EXPECT_EQ(group.synced(sync(0)).error, none);
  group.advance(250);
  EXPECT_EQ(group.heartbeat(members[0].member_id, 3), rebalance_in_progress);
  EXPECT_EQ(group.heartbeat(members[1].member_id, 3), unknown_member_id);
  EXPECT_EQ(group.heartbeat(members[2].member_id, 3), unknown_member_id);
}

TEST_F(group_sync_three, leader_that_sends_no_sync_is_removed) {
  group.advance(250);
  for (auto const& member : members) EXPECT_EQ(group.heartbeat(member.member_id, 3), none);
  auto second = sync(1);
  auto third = sync(2);
  group.advance(250);
  EXPECT_EQ(group.synced(second).error, rebalance_in_progress);
  EXPECT_EQ(group.synced(third).error, rebalance_in_progress);
  EXPECT_EQ(group.heartbeat(members[0].member_id, 3), unknown_member_id);
  EXPECT_EQ(group.heartbeat(members[1].member_id, 3), rebalance_in_progress);
}

TEST_F(group_sync_three, nobody_is_removed_when_all_have_sent_sync) {
  for (std::size_t i = 0; i < 3; ++i) sync(i);
  for (int i = 0; i < 8; ++i) {
    group.advance(250);
    for (auto const& member : members) EXPECT_EQ(group.heartbeat(member.member_id, 3), none);
  }
}

TEST_F(group_sync_three, member_whose_sync_waits_is_alive_and_its_session_begins_with_the_answer) {
  group.hold_stores();
  for (std::size_t i = 0; i < 3; ++i) sync(i);
  group.advance(10 * group_driver::session_ms);
  group.finish(group.held()[0]);
  EXPECT_EQ(group.state(), group_state::stable);
  group.advance(group_driver::session_ms - 1);
  EXPECT_EQ(group.subject().size(), 3U);
  group.advance(1);
  EXPECT_EQ(group.state(), group_state::empty);
}

}  // namespace
}  // namespace karst::cluster
