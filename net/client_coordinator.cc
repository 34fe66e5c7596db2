// Finding brokers by what they do.
#include "net/client.h"
#include "net/messages/find_coordinator.h"

namespace karst::net {
namespace {

constexpr std::int8_t group_key = 0;

// Version 4 and later answer several keys; we ask for one.
find_coordinator_response::coordinator only(find_coordinator_response const& reply) {
  if (!reply.coordinators.empty()) return reply.coordinators.front();
  return {.node_id = reply.node_id,
          .host = reply.host,
          .port = reply.port,
          .error = reply.error,
          .error_message = reply.error_message};
}

}  // namespace

task<expected<client_connection*, error>> client::coordinator_of(std::string group) {
  auto attempts_until = patience();
  while (true) {
    if (auto known = coordinators_.find(group); known != coordinators_.end()) {
      co_return co_await connect_to(known->second);
    }
    auto broker = co_await bootstrap();
    if (!broker) co_return unexpected<error>(broker.error());
    find_coordinator_request request{.key = group, .key_type = group_key};
    request.coordinator_keys.push_back(group);
    auto reply = co_await (*broker)->ask<find_coordinator_response>(std::move(request));
    if (!reply) co_return unexpected<error>(reply.error());
    auto found = only(**reply);
    if (found.error == error_code::none) {
      nodes_[found.node_id] = {found.host, static_cast<std::uint16_t>(found.port)};
      coordinators_[group] = found.node_id;
    } else if (may_retry(found.error, attempts_until)) {
      co_await pause();
    } else {
      // The broker's own text says no more than the code.
      co_return unexpected<error>(
          to_error(found.error, {}, fmt::format("cannot find the coordinator of group {}", group)));
    }
  }
}

task<expected<std::vector<client_connection*>, error>> client::every_broker() {
  auto known = co_await metadata(std::vector<std::string>{});
  if (!known) co_return unexpected<error>(known.error());
  std::vector<client_connection*> brokers;
  for (auto const& each : (*known)->brokers) {
    auto connection = co_await connect_to(each.node_id);
    if (!connection) co_return unexpected<error>(connection.error());
    brokers.push_back(*connection);
  }
  co_return brokers;
}

host_and_port client::bootstrapped_by() const {
  auto found = nodes_.find(bootstrap_node);
  return found == nodes_.end() ? host_and_port{} : found->second;
}

}  // namespace karst::net
