#include "bench/histogram.h"

#include <gtest/gtest.h>

#include <random>

namespace karst::bench {
namespace {

TEST(histogram, an_empty_one_has_no_latencies) {
  histogram empty;
  EXPECT_EQ(empty.at(0.5), duration{});
  EXPECT_EQ(empty.most(), duration{});
  EXPECT_TRUE(empty.curve().empty());
}

TEST(histogram, a_share_is_at_most_1_6_percent_above_the_true_latency) {
  std::mt19937_64 random{7};
  std::lognormal_distribution<double> latency{7, 2};
  std::vector<duration> all;
  histogram measured;
  for (int i = 0; i < 20'000; ++i) {
    all.emplace_back(static_cast<std::int64_t>(latency(random)) * 1'000);
    measured.record(all.back());
  }
  std::ranges::sort(all);
  for (auto share : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    auto place = static_cast<std::size_t>(std::ceil(share * 20'000)) - 1;
    auto exact = static_cast<double>(all[place].count());
    auto told = static_cast<double>(measured.at(share).count());
    EXPECT_GE(told, exact) << share;
    EXPECT_LE(told, exact * 1.016) << share;
  }
  EXPECT_EQ(measured.most(), all.back());
}

TEST(histogram, latencies_beyond_its_range_count_as_the_longest) {
  histogram measured;
  measured.record(-5us);
  measured.record(std::chrono::hours{1000});
  EXPECT_EQ(measured.count(), 2U);
  EXPECT_EQ(measured.at(0.5), 0us);
  EXPECT_EQ(measured.most(), std::chrono::hours{1000});
}

TEST(histogram, merged_ones_count_as_one) {
  histogram one;
  histogram other;
  for (int i = 1; i <= 50; ++i) one.record(i * 1us);
  for (int i = 51; i <= 100; ++i) other.record(i * 1us);
  one.merge(other);
  EXPECT_EQ(one.count(), 100U);
  EXPECT_EQ(one.at(0.5), 50us);
  EXPECT_EQ(one.most(), 100us);
}

TEST(histogram, its_curve_rises_to_the_longest_latency) {
  histogram measured;
  for (int i = 1; i <= 10'000; ++i) measured.record(i * 1us);
  auto curve = measured.curve();
  ASSERT_GT(curve.size(), 50U);
  EXPECT_EQ(curve.back().share, 1);
  EXPECT_EQ(curve.back().value, 10'000us);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_GT(curve[i].share, curve[i - 1].share);
    EXPECT_GE(curve[i].value, curve[i - 1].value);
  }
}

}  // namespace
}  // namespace karst::bench
