// Members that were given an id and must come back with it (KIP-394), and groups that are full.
#include <gmock/gmock.h>

#include "cluster/limits.h"
#include "tests/cluster/group_driver.h"

namespace karst::cluster {
namespace {

using enum net::error_code;
using testing::ElementsAre;

group_join cautious(std::string member_id = "") {
  auto request = group_driver::join_request(std::move(member_id));
  request.requires_known_member_id = true;
  return request;
}

TEST(group_pending, new_member_is_given_an_id_to_come_back_with) {
  group_driver group;
  auto given = group.joined(group.join(cautious()));
  EXPECT_EQ(given.error, member_id_required);
  EXPECT_EQ(given.member_id, "client-uuid1");
  EXPECT_EQ(group.state(), group_state::empty);
  EXPECT_EQ(group.subject().size(), 0U);
  auto answer = group.joined(group.join(cautious(given.member_id)));
  EXPECT_EQ(answer.error, none);
  EXPECT_EQ(answer.member_id, given.member_id);
  EXPECT_EQ(answer.generation, 1);
}

TEST(group_pending, id_that_is_not_used_in_the_session_timeout_is_forgotten) {
  group_driver group;
  auto given = group.joined(group.join(cautious()));
  group.advance(group_driver::session_ms);
  EXPECT_EQ(group.joined(group.join(cautious(given.member_id))).error, unknown_member_id);
  EXPECT_EQ(group.subject().wake_at(), never);
}

TEST(group_pending, each_id_has_its_own_end) {
  group_driver group;
  auto longer = cautious();
  longer.session_timeout_ms = 3 * group_driver::session_ms;
  auto first = group.joined(group.join(longer)).member_id;
  group.join(cautious());
  group.advance(group_driver::session_ms);
  EXPECT_NE(group.subject().wake_at(), never);
  group.advance(2 * group_driver::session_ms);
  EXPECT_EQ(group.joined(group.join(cautious(first))).error, unknown_member_id);
}

TEST(group_pending, pending_id_is_no_member_and_never_static) {
  group_driver group;
  auto given = group.joined(group.join(cautious()));
  EXPECT_EQ(group.heartbeat(given.member_id, -1), unknown_member_id);
  EXPECT_EQ(group.heartbeat(given.member_id, 0), unknown_member_id);
  EXPECT_EQ(group.synced(group.sync(given.member_id, 0)).error, unknown_member_id);
  EXPECT_EQ(group.joined(group.join(group.static_request("i", given.member_id))).error,
            unknown_member_id);
}

// Two members of which one joins again, one pending; the other joins again too.
struct with_pending : testing::Test {
  with_pending() {
    members = group.stable({group.join_request(), group.join_request()});
    first = group.join(group.join_request(members[0].member_id));
    auto request = cautious();
    request.session_timeout_ms = 100;
    pending = group.joined(group.join(request)).member_id;
    second = group.join(group.join_request(members[1].member_id));
    EXPECT_TRUE(group.waits(first) && group.waits(second));
  }
  group_driver group;
  std::vector<group_join_answer> members;
  std::string pending;
  group_ticket first = 0;
  group_ticket second = 0;
};

TEST_F(with_pending, rebalance_waits_for_the_pending_member) {
  auto third = group.join(cautious(pending));
  EXPECT_EQ(group.joined(first).generation, 3);
  EXPECT_EQ(group.joined(first).members.size(), 3U);
  EXPECT_EQ(group.joined(third).generation, 3);
}

TEST_F(with_pending, rebalance_goes_on_when_the_pending_member_times_out) {
  group.advance(99);
  EXPECT_TRUE(group.waits(first));
  group.advance(1);
  EXPECT_EQ(group.joined(first).members.size(), 2U);
}

TEST_F(with_pending, rebalance_goes_on_when_the_pending_member_leaves) {
  EXPECT_THAT(group.leave({{.member_id = pending}}), ElementsAre(none));
  EXPECT_EQ(group.joined(second).generation, 3);
}

TEST(group_pending, ids_given_out_are_limited) {
  group_driver group{{10, 600'000, std::numeric_limits<std::int32_t>::max(), 0}};
  for (std::size_t i = 0; i < limit::pending_members; ++i) {
    ASSERT_EQ(group.joined(group.join(cautious())).error, member_id_required);
  }
  EXPECT_EQ(group.joined(group.join(cautious())).error, group_max_size_reached);
  group.advance(group_driver::session_ms);
  EXPECT_EQ(group.joined(group.join(cautious())).error, member_id_required);
}

TEST(group_size, new_members_beyond_the_limit_are_refused) {
  group_driver group{{10, 600'000, 4, 100}};
  std::vector<group_ticket> tickets;
  for (int i = 0; i < 5; ++i) tickets.push_back(group.join(group.join_request()));
  EXPECT_EQ(group.joined(tickets[4]).error, group_max_size_reached);
  EXPECT_EQ(group.joined(tickets[4]).member_id, "");
  group.advance(200);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(group.joined(tickets[i]).error, none);
  // In the next state as well; those who are in may ask again.
  EXPECT_EQ(group.joined(group.join(group.join_request())).error, group_max_size_reached);
  EXPECT_EQ(group.joined(group.join(group.join_request(group.joined(tickets[3]).member_id))).error,
            none);
}

TEST(group_size, pending_members_beyond_the_limit_are_refused_when_they_come) {
  group_driver group{{10, 600'000, 4, 100}};
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(group.joined(group.join(cautious())).member_id);
  std::vector<group_ticket> tickets;
  for (auto const& id : ids) tickets.push_back(group.join(cautious(id)));
  EXPECT_EQ(group.joined(tickets[4]).error, group_max_size_reached);
  // Those who wait may ask again.
  std::vector<group_ticket> again;
  for (auto const& id : ids) again.push_back(group.join(cautious(id)));
  EXPECT_EQ(group.joined(again[4]).error, group_max_size_reached);
  group.advance(200);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(group.joined(tickets[i]).error, rebalance_in_progress);
    EXPECT_EQ(group.joined(again[i]).error, none);
  }
}

TEST(group_size, static_member_takes_its_place_again_in_a_full_group) {
  group_driver group{{10, 600'000, 2, 0}};
  group.stable({group.static_request("a"), group.static_request("b")});
  EXPECT_EQ(group.joined(group.join(group.static_request("c"))).error, group_max_size_reached);
  EXPECT_EQ(group.joined(group.join(group.static_request("b"))).error, none);
  EXPECT_EQ(group.subject().size(), 2U);
}

TEST(group_size, loaded_group_above_the_limit_loses_those_who_join_again_last) {
  group_driver before{{10, 600'000, 6, 0}};
  std::vector<group_join> requests(6, before.join_request());
  auto members = before.stable(requests);
  group_driver group{{10, 600'000, 4, 0}, before.durable()};
  EXPECT_EQ(group.state(), group_state::preparing_rebalance);
  EXPECT_EQ(group.heartbeat(members[0].member_id, 6), rebalance_in_progress);
  std::vector<net::error_code> errors;
  std::vector<group_ticket> tickets;
  for (auto const& member : members) {
    tickets.push_back(group.join(group.join_request(member.member_id)));
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(group.joined(tickets[i]).generation, 7);
  for (int i = 4; i < 6; ++i) EXPECT_EQ(group.joined(tickets[i]).error, group_max_size_reached);
  EXPECT_EQ(group.subject().size(), 4U);
}

}  // namespace
}  // namespace karst::cluster
