#include "net/core_network.h"

namespace karst::net {

void network_counters::add(network_counters const& other) {
  connections_opened += other.connections_opened;
  connections_closed += other.connections_closed;
  closed_bad_input += other.closed_bad_input;
  closed_by_handler += other.closed_by_handler;
  closed_slow += other.closed_slow;
  closed_idle += other.closed_idle;
  requests += other.requests;
  bytes_received += other.bytes_received;
  bytes_sent += other.bytes_sent;
  large_frames += other.large_frames;
  large_frame_waits += other.large_frame_waits;
}

void core_network::add_output(std::size_t bytes, time_point now) {
  output_bytes += bytes;
  auto excess = output_bytes > limits.output_budget_bytes;
  while (excess && !sends.empty() && now - sends.front().since >= limits.stuck_patience) {
    // What it holds is given back when its send has ended; until then one at a time is enough.
    auto* stuck = sends.pop_front();
    stuck->cut(*stuck);
    excess = false;
  }
}

}  // namespace karst::net
