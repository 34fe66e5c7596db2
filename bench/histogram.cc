#include "bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace karst::bench {

std::size_t histogram::bucket_of(std::uint64_t microseconds) {
  if (microseconds < buckets_per_power) return microseconds;
  // The highest 7 bits name the bucket: 64 steps within each power of two.
  auto power = static_cast<std::size_t>(std::bit_width(microseconds)) - 7;
  auto step = (microseconds >> power) - buckets_per_power;
  return std::min(buckets_per_power * (power + 1) + step, buckets_per_power * (powers + 1) - 1);
}

std::uint64_t histogram::upper_bound_of(std::size_t bucket) {
  if (bucket < buckets_per_power) return bucket;
  auto power = bucket / buckets_per_power - 1;
  auto step = bucket % buckets_per_power + buckets_per_power;
  return ((step + 1) << power) - 1;
}

void histogram::record(duration latency) {
  auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
  ++counts_[bucket_of(static_cast<std::uint64_t>(std::max<std::int64_t>(microseconds, 0)))];
  ++count_;
  most_ = std::max(most_, latency);
}

void histogram::merge(histogram const& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  most_ = std::max(most_, other.most_);
}

duration histogram::at(double share) const {
  if (count_ == 0) return {};
  // The share 0 is that of the shortest.
  auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  wanted = std::max<std::uint64_t>(wanted, 1);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen < wanted) continue;
    auto bound = std::chrono::microseconds{static_cast<std::int64_t>(upper_bound_of(i))};
    return std::min(most_, duration{bound});
  }
  return most_;
}

std::vector<histogram::point> histogram::curve() const {
  constexpr int points_per_halving = 8;
  std::vector<point> points;
  if (count_ == 0) return points;
  // Beyond one latency in `count_` there is nothing left to tell apart.
  for (auto left = 1.0; left * static_cast<double>(count_) >= 1; left /= 2) {
    for (auto i = 0; i < points_per_halving; ++i) {
      auto share = 1 - left * (1 - 0.5 * i / points_per_halving);
      points.push_back({share, at(share)});
    }
  }
  points.push_back({1, most_});
  return points;
}

}  // namespace karst::bench
