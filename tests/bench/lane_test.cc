#include "bench/lane.h"

#include <gtest/gtest.h>

#include <set>

namespace karst::bench {
namespace {

std::vector<lane> lanes_of(std::int32_t count, std::int32_t leaders) {
  std::vector<lane> lanes;
  for (std::int32_t i = 0; i < count; ++i) {
    lanes.push_back({.topic = "t", .partition = i, .leader = i % leaders});
  }
  return lanes;
}

TEST(deal_lanes, connections_share_few_partitions) {
  auto dealt = deal_lanes(lanes_of(8, 1), 64);
  ASSERT_TRUE(dealt);
  for (std::size_t i = 0; i < 64; ++i) {
    ASSERT_EQ((*dealt)[i].size(), 1U);
    EXPECT_EQ((*dealt)[i][0].partition, static_cast<std::int32_t>(i % 8));
  }
}

TEST(deal_lanes, few_connections_divide_the_partitions) {
  auto dealt = deal_lanes(lanes_of(1000, 1), 64);
  ASSERT_TRUE(dealt);
  std::set<std::int32_t> seen;
  for (auto const& lanes : *dealt) {
    EXPECT_GE(lanes.size(), 15U);
    EXPECT_LE(lanes.size(), 16U);
    for (auto const& each : lanes) EXPECT_TRUE(seen.insert(each.partition).second);
  }
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(deal_lanes, a_connection_has_partitions_of_one_leader_only) {
  for (std::uint32_t connections : {3, 4, 7, 50}) {
    auto dealt = deal_lanes(lanes_of(20, 3), connections);
    ASSERT_TRUE(dealt);
    std::set<std::int32_t> seen;
    for (auto const& lanes : *dealt) {
      ASSERT_FALSE(lanes.empty()) << connections;
      for (auto const& each : lanes) {
        EXPECT_EQ(each.leader, lanes.front().leader);
        seen.insert(each.partition);
      }
    }
    EXPECT_EQ(seen.size(), 20U) << connections;
  }
}

// Readers that may not share: three topics' worth of readers for a leader with few partitions.
TEST(deal_lanes, readers_without_a_partition_of_their_own_stay_idle) {
  auto lanes = lanes_of(1, 1);
  for (auto& more : lanes_of(7, 1)) {
    more.leader = 1;
    lanes.push_back(more);
  }
  auto dealt = deal_lanes(lanes, 8, surplus::stay_idle);
  ASSERT_TRUE(dealt);
  std::multiset<std::pair<std::int32_t, std::int32_t>> read;
  for (auto const& each : *dealt) {
    for (auto const& one : each) read.emplace(one.leader, one.partition);
  }
  EXPECT_EQ(read.size(), 8U);
  EXPECT_EQ((std::set<std::pair<std::int32_t, std::int32_t>>{read.begin(), read.end()}).size(), 8U);
}

TEST(deal_lanes, too_few_connections_are_refused) {
  auto dealt = deal_lanes(lanes_of(20, 3), 2);
  ASSERT_FALSE(dealt);
  EXPECT_EQ(dealt.error().message(),
            "2 connections are too few: each serves one topic at one broker; give at least 3");
}

}  // namespace
}  // namespace karst::bench
