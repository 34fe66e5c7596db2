#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "reactor/base/units.h"

namespace karst::bench {

// Latencies in log-linear buckets (after HdrHistogram, Gil Tene): 64 buckets per power of two, so
// that a reported value is at most 1.6 % above the true one, from 1 us to 19 hours, in 17 KiB and
// without allocation. Mergeable.
class histogram {
 public:
  void record(duration latency);
  void merge(histogram const& other);
  void clear() { *this = histogram{}; }

  std::uint64_t count() const { return count_; }
  // The value that `share` (0 to 1) of all latencies do not exceed; 0 when empty.
  duration at(double share) const;
  duration most() const { return most_; }

  // The shape of it for a plot: for ever finer shares up to the last latency, the value. Shares go
  // 0, 0.5, 0.75, ... with steps that halve as they near 1, as HdrHistogram's plots have them.
  struct point {
    double share = 0;
    duration value{};
  };
  std::vector<point> curve() const;

 private:
  static constexpr std::size_t buckets_per_power = 64;
  static constexpr std::size_t powers = 31;

  static std::size_t bucket_of(std::uint64_t microseconds);
  static std::uint64_t upper_bound_of(std::size_t bucket);

  std::array<std::uint64_t, buckets_per_power*(powers + 1)> counts_{};
  std::uint64_t count_ = 0;
  duration most_{};
};

}  // namespace karst::bench
