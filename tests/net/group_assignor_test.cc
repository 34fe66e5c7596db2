#include "net/group_assignor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace karst::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(assignors, an_assignment_survives_its_bytes) {
  partitions_by_topic assigned{{"orders", {0, 1, 5}}, {"audit", {}}};
  EXPECT_EQ(assigned_in(to_assignment_bytes(assigned)), assigned);
  EXPECT_THAT(assigned_in(""), IsEmpty());
  EXPECT_THAT(assigned_in("what is no assignment"), IsEmpty());
}

TEST(assignors, range_gives_neighbours_and_the_rest_to_the_first) {
  std::vector<group_subscriber> members{{"b", {}, {"t", "u"}}, {"a", {}, {"t"}}, {"c", {}, {"t"}}};
  auto given = assign_range(members, {{"t", 5}, {"u", 2}, {"v", 9}});
  EXPECT_THAT(given["a"]["t"], ElementsAre(0, 1));
  EXPECT_THAT(given["b"]["t"], ElementsAre(2, 3));
  EXPECT_THAT(given["c"]["t"], ElementsAre(4));
  EXPECT_THAT(given["b"]["u"], ElementsAre(0, 1));
  EXPECT_FALSE(given["a"].contains("v"));
}

TEST(assignors, static_members_come_first_by_their_instance) {
  std::vector<group_subscriber> members{{"a", {}, {"t"}}, {"z", "1", {"t"}}, {"y", "2", {"t"}}};
  auto given = assign_range(members, {{"t", 3}});
  EXPECT_THAT(given["z"]["t"], ElementsAre(0));
  EXPECT_THAT(given["y"]["t"], ElementsAre(1));
  EXPECT_THAT(given["a"]["t"], ElementsAre(2));
}

TEST(assignors, who_gets_nothing_is_told_so) {
  for (auto assign : {assign_range, assign_round_robin}) {
    auto given = assign({{"a", {}, {"t"}}, {"b", {}, {"t"}}, {"c", {}, {"gone"}}}, {{"t", 1}});
    EXPECT_EQ(given.size(), 3);
    EXPECT_THAT(given["a"]["t"], ElementsAre(0));
    EXPECT_THAT(given["b"], IsEmpty());
    EXPECT_THAT(given["c"], IsEmpty());
  }
}

TEST(assignors, round_robin_deals_out_all_topics) {
  std::vector<group_subscriber> members{{"a", {}, {"t", "u"}}, {"b", {}, {"t", "u"}}};
  auto given = assign_round_robin(members, {{"t", 3}, {"u", 3}});
  EXPECT_THAT(given["a"]["t"], ElementsAre(0, 2));
  EXPECT_THAT(given["b"]["t"], ElementsAre(1));
  EXPECT_THAT(given["a"]["u"], ElementsAre(1));
  EXPECT_THAT(given["b"]["u"], ElementsAre(0, 2));
}

// Whatever the members want: each partition that anybody wants goes to exactly one who wants it.
TEST(assignors, every_partition_has_one_reader) {
  auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random{seed};
  for (int round = 0; round < 200; ++round) {
    std::map<std::string, std::int32_t> counts;
    for (auto const* topic : {"t", "u", "v"}) {
      counts[topic] = static_cast<std::int32_t>(random() % 20);
    }
    std::vector<group_subscriber> members;
    for (auto count = 1 + random() % 12; count > 0; --count) {
      auto& member = members.emplace_back();
      member.member_id = fmt::format("m-{}", members.size());
      for (auto const& [topic, partitions] : counts) {
        if (random() % 2 == 0) member.topics.push_back(topic);
      }
    }
    for (auto assign : {assign_range, assign_round_robin}) {
      std::map<std::string, std::vector<int>> readers;
      for (auto const& [id, topics] : assign(members, counts)) {
        for (auto const& [topic, partitions] : topics) {
          auto member = std::ranges::find(members, id, &group_subscriber::member_id);
          EXPECT_THAT(member->topics, testing::Contains(topic));
          readers[topic].resize(static_cast<std::size_t>(counts[topic]));
          for (auto each : partitions) ++readers[topic].at(static_cast<std::size_t>(each));
        }
      }
      for (auto const& [topic, counted] : readers) {
        EXPECT_THAT(counted, testing::Each(1)) << topic;
      }
    }
  }
}

}  // namespace
}  // namespace karst::net
