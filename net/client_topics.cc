#include <algorithm>

#include "net/client.h"
#include "net/messages/delete_topics.h"

namespace karst::net {
namespace {

// What we give the broker to finish; it answers REQUEST_TIMED_OUT after it.
constexpr std::int32_t broker_timeout_ms = 30'000;

}  // namespace

// While a broker starts it leads already, and cannot change topics yet.
template <wire_message Response, wire_message Request>
task<expected<answer<Response>, error>> client::ask_controller(Request request) {
  auto const attempts_until = patience();
  while (true) {
    auto broker = co_await bootstrap();
    if (!broker) co_return unexpected<error>(broker.error());
    auto reply = co_await (*broker)->template ask<Response>(request);
    auto early = reply && std::ranges::any_of((*reply)->topics, [](auto const& result) {
                   return result.error == error_code::not_controller;
                 });
    if (!early || !may_retry(error_code::not_controller, attempts_until)) co_return reply;
    co_await pause();
  }
}

task<expected<void, error>> client::create_topic(new_topic topic) {
  create_topics_request request{.timeout_ms = broker_timeout_ms};
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic.name;
  wanted.partitions = topic.partitions;
  wanted.replication_factor = topic.replication_factor;
  for (auto const& [name, value] : topic.configs) wanted.configs.push_back({name, value});
  auto reply = co_await ask_controller<create_topics_response>(std::move(request));
  if (!reply) co_return unexpected<error>(reply.error());
  for (auto const& result : (*reply)->topics) {
    if (result.error != error_code::none) {
      co_return unexpected<error>(
          to_error(result.error, result.error_message, "cannot create topic " + topic.name));
    }
  }
  co_return expected<void, error>{};
}

task<expected<void, error>> client::delete_topic(std::string name) {
  delete_topics_request request{.timeout_ms = broker_timeout_ms};
  request.topics.push_back({.name = name});
  request.topic_names.push_back(name);
  auto reply = co_await ask_controller<delete_topics_response>(std::move(request));
  if (!reply) co_return unexpected<error>(reply.error());
  for (auto const& result : (*reply)->topics) {
    if (result.error != error_code::none) {
      co_return unexpected<error>(
          to_error(result.error, result.error_message, "cannot delete topic " + name));
    }
  }
  topics_.erase(name);
  co_return expected<void, error>{};
}

task<expected<std::vector<describe_configs_response::config>, error>> client::topic_configs(
    std::string name, bool all) {
  constexpr std::int8_t topic_resource = 2;
  constexpr std::int8_t topic_source = 1;  // DYNAMIC_TOPIC_CONFIG
  auto broker = co_await bootstrap();
  if (!broker) co_return unexpected<error>(broker.error());
  describe_configs_request request;
  request.resources.push_back({.type = topic_resource, .name = name, .keys = std::nullopt});
  auto reply = co_await (*broker)->ask<describe_configs_response>(std::move(request));
  if (!reply) co_return unexpected<error>(reply.error());
  std::vector<describe_configs_response::config> configs;
  for (auto& result : (*reply)->results) {
    if (result.error != error_code::none) {
      co_return unexpected<error>(
          to_error(result.error, result.error_message, "cannot describe topic " + name));
    }
    for (auto& each : result.configs) {
      if (all || each.source == topic_source) configs.push_back(std::move(each));
    }
  }
  co_return configs;
}

task<> client::close() {
  for (auto& [node, connection] : connections_) {
    if (connection) co_await connection->close();
  }
  for (auto& connection : retired_) co_await connection->close();
  connections_.clear();
  retired_.clear();
}

}  // namespace karst::net
