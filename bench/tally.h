#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "bench/timeline.h"

namespace karst::bench {

// When a load starts, counts and ends. The end comes nearer when the load is stopped.
struct load_times {
  time_point start;
  time_point counted_from;
  time_point end;

  double counted_seconds() const {
    return std::max(0.0, std::chrono::duration<double>(end - counted_from).count());
  }
};

// What one side of a load (its producers, its consumers) has done. Throughput is of what was
// answered between the two counted times; latencies are of all that was due between them, also when
// the answer came after the end, so that a broker that stalls at the end does not look better. One
// core; no allocation per answer.
class tally {
 public:
  explicit tally(load_times const& times) : times_(times), timeline_(times.start) {}

  void answered(time_point due, time_point now, std::uint64_t records, std::uint64_t bytes) {
    ++all_requests_;
    all_records_ += records;
    all_bytes_ += bytes;
    if (now < times_.end) timeline_.answered(now, now - due, records, bytes);
    if (is_counted(due)) latencies_.record(now - due);
    if (!is_counted(now)) return;
    ++requests_;
    records_ += records;
    bytes_ += bytes;
  }
  // A record that a reader has, on its way since `due`: no request of its own.
  void arrived(time_point due, time_point now, std::uint64_t bytes) {
    ++all_records_;
    all_bytes_ += bytes;
    if (now < times_.end) timeline_.arrived(now, now - due, bytes);
    if (is_counted(due)) latencies_.record(now - due);
    if (!is_counted(now)) return;
    ++records_;
    bytes_ += bytes;
  }
  // An answer with one of Kafka's error codes: apart from the others, and not in the latencies.
  void refused(time_point now, std::int16_t code) {
    ++all_requests_;
    ++refused_;
    ++errors_[code];
    if (is_counted(now)) ++counted_refused_;
    if (now < times_.end) timeline_.refused(now);
  }
  // Due, and not sent or not answered when the load was over: its latency is at least this long.
  void unanswered(time_point due, time_point now) {
    ++unanswered_;
    if (is_counted(due)) latencies_.record(now - due);
  }
  // A record that was written and has not come: on its way for at least this long.
  void missing(time_point due, time_point now) {
    ++missing_;
    if (is_counted(due)) latencies_.record(now - due);
  }
  void advance(time_point now) { timeline_.advance(std::min(now, times_.end)); }

  std::uint64_t requests() const { return requests_; }
  std::uint64_t records() const { return records_; }
  std::uint64_t bytes() const { return bytes_; }
  // All, those of the warm-up and after the end included.
  std::uint64_t all_records() const { return all_records_; }
  std::uint64_t all_requests() const { return all_requests_; }
  std::uint64_t all_bytes() const { return all_bytes_; }
  std::uint64_t refused() const { return refused_; }
  std::uint64_t counted_refused() const { return counted_refused_; }
  std::uint64_t unanswered() const { return unanswered_; }
  std::uint64_t missing() const { return missing_; }
  std::map<std::int16_t, std::uint64_t> const& errors() const { return errors_; }  // by code
  histogram const& latencies() const { return latencies_; }
  timeline const& by_second() const { return timeline_; }

 private:
  bool is_counted(time_point at) const { return at >= times_.counted_from && at < times_.end; }

  load_times const& times_;
  std::uint64_t requests_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t all_records_ = 0;
  std::uint64_t all_requests_ = 0;
  std::uint64_t all_bytes_ = 0;
  std::uint64_t refused_ = 0;
  std::uint64_t counted_refused_ = 0;  // between the two counted times
  std::uint64_t unanswered_ = 0;
  std::uint64_t missing_ = 0;
  std::map<std::int16_t, std::uint64_t> errors_;
  histogram latencies_;
  timeline timeline_;
};

}  // namespace karst::bench
