#include <set>

#include "cluster/api/changed_topics.h"
#include "reactor/base/hash.h"
#include "reactor/submit_to.h"

namespace karst::cluster {
namespace {

using topic_answer = net::create_topics_response::topic;

topic_request translate(net::create_topics_request::topic const& asked) {
  topic_request request{.name = std::string{asked.name},
                        .partitions = asked.partitions,
                        .replication_factor = asked.replication_factor};
  for (auto const& assignment : asked.assignments)
    request.assignments[assignment.partition] = assignment.broker_ids;
  for (auto const& config : asked.configs) {
    auto& added = request.configs.emplace_back(std::string{config.name}, std::nullopt);
    if (config.value) added.second = std::string{*config.value};
  }
  return request;
}

task<expected<created_topic, refusal>> create_on_controller(broker& broker,
                                                            topic_request const& request,
                                                            bool validate_only,
                                                            time_point deadline) {
  if (auto not_yet = broker.no_topics_yet()) co_return std::unexpected(std::move(*not_yet));
  co_return co_await broker.topics().create(request, validate_only, deadline);
}

void fill(topic_answer& answer, created_topic const& created, broker_config const& config) {
  answer.id = created.id;
  answer.partitions = created.partitions;
  answer.replication_factor = created.replication_factor;
  for (auto const& each : describe_topic_configs(config, created.overrides)) {
    answer.configs->push_back({.name = each.name,
                               .value = each.sensitive ? std::nullopt : each.value,
                               .read_only = each.read_only,
                               .source = static_cast<std::int8_t>(each.source),
                               .is_sensitive = each.sensitive});
  }
}

task<> create_one(request_context& context, net::create_topics_request::topic const& asked,
                  bool validate_only, time_point deadline, topic_answer& answer) {
  std::set<std::int32_t> assigned;
  for (auto const& assignment : asked.assignments) {
    if (assigned.insert(assignment.partition).second) continue;
    answer.error = net::error_code::invalid_replica_assignment;
    answer.error_message = fmt::format("partition {} is assigned twice", assignment.partition);
    co_return;
  }
  auto request = translate(asked);
  auto& broker = context.broker;
  auto created = co_await submit_to(controller_core, [&broker, &request, validate_only, deadline] {
    return create_on_controller(broker, request, validate_only, deadline);
  });
  if (!created) {
    answer.error = created.error().code;
    if (!created.error().message.empty()) answer.error_message = created.error().message;
    co_return;
  }
  fill(answer, *created, broker.config());
}

}  // namespace

task<net::create_topics_response> handle(request_context& context,
                                         net::create_topics_request const& request) {
  net::create_topics_response response;
  co_await change_each_topic(context, request, response.topics, &create_one);
  co_return response;
}

}  // namespace karst::cluster
