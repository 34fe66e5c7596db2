#include "net/core_network.h"

#include "reactor/core.h"

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

core_network::core_network(karst::net::handler& requests, karst::net::limits const& limits_of_core)
    : handler(requests),
      limits(limits_of_core),
      medium_budget_(std::max(limits.medium_budget_bytes, limits.medium_frame_bytes)),
      huge_budget_(std::max(limits.huge_budget_bytes, limits.request_bytes_max)) {
  relief_.network = this;
  relief_.fire = [](timer& fired) { static_cast<relief_timer&>(fired).network->relieve(); };
}

void core_network::begin(sending& send) {
  send.since = core::current().now();
  sends_.push_back(send);
  if (output_bytes_ > limits.output_budget_bytes && !relief_.armed()) relieve();
}

void core_network::add_output(std::size_t bytes) {
  output_bytes_ += bytes;
  if (output_bytes_ > limits.output_budget_bytes && !relief_.armed()) relieve();
}

void core_network::relieve() {
  if (output_bytes_ <= limits.output_budget_bytes || sends_.empty()) return;
  auto& here = core::current();
  auto due = sends_.front().since + limits.stuck_patience;
  if (here.now() >= due) {
    auto* stuck = sends_.pop_front();
    stuck->cut(*stuck);
    // What it holds comes back when its send has ended: look again soon whether that was enough.
    due = here.now() + limits.relief_pause;
  }
  here.timers().arm(relief_, due);
}

}  // namespace karst::net
