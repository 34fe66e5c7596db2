#pragma once

#include <cstdint>

#include "net/exchange.h"
#include "net/limits.h"
#include "reactor/base/intrusive_list.h"
#include "reactor/metrics.h"
#include "reactor/semaphore.h"
#include "reactor/timer_wheel.h"

namespace karst::net {

// What the connections of one core have counted since the start; read by the metrics.
struct network_counters {
  std::uint64_t connections_open = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_moved = 0;  // from this core to another, which its requests were for
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
class core_network {
 public:
  core_network(karst::net::handler& requests, karst::net::limits const& limits_of_core);

  semaphore& budget_for(std::size_t frame_bytes) {
    return frame_bytes <= limits.medium_frame_bytes ? medium_budget_ : huge_budget_;
  }
  // Counts bytes of answers that wait to be sent, and cuts who has been stuck longest while they
  // are too many.
  void add_output(std::size_t bytes);
  void remove_output(std::size_t bytes) { output_bytes_ -= bytes; }
  // Between these two a send is in progress.
  void begin(sending& send);
  static void end(sending& send) { send.unlink(); }

  karst::net::handler& handler;
  karst::net::limits limits;
  network_counters counters;
  exchange_pool exchanges;

 private:
  static constexpr std::size_t metric_count = 13;
  struct relief_timer : timer {
    core_network* network;
  };
  void relieve();
  void publish();

  semaphore medium_budget_;
  semaphore huge_budget_;
  std::uint64_t output_bytes_ = 0;
  intrusive_list<sending> sends_;  // in the order in which they started
  relief_timer relief_;
  std::array<metric, metric_count> metrics_;
};

}  // namespace karst::net
