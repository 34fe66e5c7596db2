#pragma once

#include <cstdint>

#include "net/handler.h"
#include "net/limits.h"
#include "reactor/base/intrusive_list.h"
#include "reactor/semaphore.h"

namespace karst::net {

// What the connections of one core have counted since the start; read by the metrics.
struct network_counters {
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_closed = 0;
  std::uint64_t closed_bad_input =
      0;  // frames, headers, unknown keys and versions, other protocols
  std::uint64_t closed_by_handler = 0;  // acks=0 with an error, malformed bodies
  std::uint64_t closed_slow = 0;        // slow senders and slow readers
  std::uint64_t closed_idle = 0;
  std::uint64_t requests = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t large_frames = 0;
  std::uint64_t large_frame_waits = 0;  // had to wait for the budget

  void add(network_counters const& other);
};

// A send in progress, so that the longest stuck one is found when the output budget is exceeded.
struct sending : list_link {
  time_point since{};
  void (*cut)(sending&) = nullptr;  // closes the connection
};

// What the connections of one core share: the handler, the limits and the budgets. Made by
// connection_server, one per core, outlives its connections.
struct core_network {
  core_network(karst::net::handler& requests, karst::net::limits const& limits_of_core)
      : handler(requests),
        limits(limits_of_core),
        medium_budget(std::max(limits.medium_budget_bytes, limits.medium_frame_bytes)),
        huge_budget(std::max(limits.huge_budget_bytes, limits.request_bytes_max)) {}

  semaphore& budget_for(std::size_t frame_bytes) {
    return frame_bytes <= limits.medium_frame_bytes ? medium_budget : huge_budget;
  }
  // Counts bytes of answers that wait to be sent, and cuts who has been stuck longest while they
  // are too many.
  void add_output(std::size_t bytes, time_point now);
  void remove_output(std::size_t bytes) { output_bytes -= bytes; }

  karst::net::handler& handler;
  karst::net::limits limits;
  semaphore medium_budget;
  semaphore huge_budget;
  std::size_t output_bytes = 0;
  intrusive_list<sending> sends;  // in the order in which they started
  network_counters counters;
};

// Bytes of a frame budget, given back when the request is done.
class reservation {
 public:
  reservation() = default;
  reservation(semaphore& budget, std::size_t bytes) : budget_(&budget), bytes_(bytes) {}
  reservation(reservation&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
  reservation& operator=(reservation&& other) noexcept {
    release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = other.bytes_;
    return *this;
  }
  ~reservation() { release(); }
  void release() {
    if (auto* budget = std::exchange(budget_, nullptr)) budget->give(bytes_);
  }

 private:
  semaphore* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace karst::net
