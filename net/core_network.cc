#include "net/core_network.h"

#include "reactor/core.h"

namespace karst::net {

void network_counters::add(network_counters const& other) {
  connections_open += other.connections_open;
  connections_opened += other.connections_opened;
  connections_moved += other.connections_moved;
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
  publish();
}

void core_network::publish() {
  auto& registry = core::current().metrics();
  auto* next = metrics_.begin();
  auto add = [&](std::string_view name, std::string_view help, std::uint64_t const& value,
                 metric_kind kind = metric_kind::counter) {
    KARST_ASSERT(next != metrics_.end());
    registry.add(*next++, name, help, value, kind);
  };
  add("karst_connections", "Open connections", counters.connections_open, metric_kind::gauge);
  add("karst_connections_total", "Connections served", counters.connections_opened);
  add("karst_connections_moved_total", "Connections that went to the core their requests are for",
      counters.connections_moved);
  add("karst_connections_closed_bad_input_total", "Closed: what came was no request we serve",
      counters.closed_bad_input);
  add("karst_connections_closed_by_handler_total",
      "Closed: malformed bodies, errors without acknowledgements", counters.closed_by_handler);
  add("karst_connections_closed_slow_total", "Closed: slow senders and slow readers",
      counters.closed_slow);
  add("karst_connections_closed_idle_total", "Closed after connections.max.idle.ms",
      counters.closed_idle);
  add("karst_requests_total", "Requests read", counters.requests);
  add("karst_network_received_bytes_total", "Bytes received", counters.bytes_received);
  add("karst_network_sent_bytes_total", "Bytes sent", counters.bytes_sent);
  add("karst_large_frames_total", "Requests that reserved memory first", counters.large_frames);
  add("karst_large_frame_waits_total", "Requests that waited for that memory",
      counters.large_frame_waits);
  add("karst_output_bytes", "Bytes of answers that wait to be sent", output_bytes_,
      metric_kind::gauge);
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
