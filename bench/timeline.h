#pragma once

#include <cstdint>
#include <vector>

#include "bench/histogram.h"

namespace karst::bench {

// What one second of a load was like.
struct second_of_load {
  std::uint64_t requests = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t refused = 0;
  duration p50{};
  duration p99{};
  duration most{};
};

// A load second by second, for the live line, the plots and the verdict. Seconds follow the start
// without gaps: one in which nothing was answered is a row of zeros. The clock is the caller's;
// times never go back. One histogram and one row per second; no allocation but for the rows.
class timeline {
 public:
  explicit timeline(time_point start) : start_(start) {}

  // An answer at `now`, to what was due `latency` before. Ends the seconds that are over.
  void answered(time_point now, duration latency, std::uint64_t records, std::uint64_t bytes) {
    advance(now);
    ++current_.requests;
    current_.records += records;
    current_.bytes += bytes;
    latencies_.record(latency);
  }
  // A record of no request of its own, on its way for `latency`.
  void arrived(time_point now, duration latency, std::uint64_t bytes) {
    advance(now);
    ++current_.records;
    current_.bytes += bytes;
    latencies_.record(latency);
  }
  void refused(time_point now) {
    advance(now);
    ++current_.refused;
  }
  // Ends the seconds that are over at `now`.
  void advance(time_point now) {
    if (now >= start_ + (seconds_.size() + 1) * std::chrono::seconds{1}) close_seconds(now);
  }

  // Those that are over; what has begun is not among them.
  std::vector<second_of_load> const& seconds() const { return seconds_; }

 private:
  void close_seconds(time_point now);

  time_point start_;
  std::vector<second_of_load> seconds_;
  second_of_load current_;
  histogram latencies_;  // of the current second
};

}  // namespace karst::bench
