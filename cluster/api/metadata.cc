#include "cluster/api/authorized_operations.h"
#include "cluster/api/handlers.h"
#include "cluster/topic_name.h"
#include "reactor/base/hash.h"
#include "reactor/submit_to.h"

namespace karst::cluster {
namespace {

net::metadata_response::topic describe_topic(topic_metadata const& topic, bool with_operations) {
  net::metadata_response::topic answer{
      .name = topic.name, .id = topic.id, .is_internal = topic.internal};
  if (with_operations) answer.authorized_operations = operations_on_topic;
  answer.partitions.reserve(topic.partitions.size());
  for (auto const& partition : topic.partitions) {
    // A partition without a leader always says so: leader -1 without an error confuses clients.
    auto error =
        partition.leader < 0 ? net::error_code::leader_not_available : net::error_code::none;
    answer.partitions.push_back({.error = error,
                                 .index = partition.index,
                                 .leader_id = partition.leader,
                                 .leader_epoch = partition.leader_epoch.value,
                                 .replica_nodes = partition.replicas,
                                 .isr_nodes = partition.in_sync_replicas,
                                 .offline_replicas = partition.offline_replicas});
  }
  return answer;
}

task<expected<void, refusal>> create_on_controller(broker& broker, std::string const& name) {
  if (auto not_yet = broker.no_topics_yet()) {
    // What clients try again in answers of this kind.
    not_yet->code = net::error_code::leader_not_available;
    co_return std::unexpected(std::move(*not_yet));
  }
  co_return co_await broker.topics().create_automatically(name);
}

// A topic that the snapshot does not have: created if the client and the configuration allow it,
// and then answered as it is, since creation ends when every core knows the topic.
task<net::metadata_response::topic> describe_missing(request_context& context, std::string name,
                                                     bool create, bool with_operations) {
  net::metadata_response::topic answer{.name = name};
  if (with_operations) answer.authorized_operations = operations_on_topic;
  if (!is_valid_topic_name(name)) {
    answer.error = net::error_code::invalid_topic_exception;
    co_return answer;
  }
  answer.error = net::error_code::unknown_topic_or_partition;
  if (!create) co_return answer;
  auto& broker = context.broker;
  auto created = co_await submit_to(
      controller_core, [&broker, &name] { return create_on_controller(broker, name); });
  if (!created) {
    answer.error = created.error().code;
    co_return answer;
  }
  auto snapshot = broker.metadata().current();
  if (auto const* topic = snapshot->find(name)) co_return describe_topic(*topic, with_operations);
  // Deleted again in the same moment.
  answer.error = net::error_code::leader_not_available;
  co_return answer;
}

net::metadata_response::topic describe_by_id(request_context& context,
                                             metadata_snapshot const& snapshot, uuid const& id,
                                             bool with_operations) {
  // Versions 10 and 11 have the field but no broker ever served it.
  if (context.version < 12) return {.error = net::error_code::invalid_request, .id = id};
  auto const* topic = snapshot.find(id);
  if (topic != nullptr) return describe_topic(*topic, with_operations);
  return {.error = net::error_code::unknown_topic_id, .name = std::nullopt, .id = id};
}

task<> describe_listed(request_context& context, net::metadata_request const& request,
                       net::metadata_response& response) {
  auto snapshot = context.broker.metadata().current();
  auto with_operations = request.include_topic_authorized_operations;
  auto create = request.allow_auto_topic_creation &&
                context.broker.config().flag("auto.create.topics.enable");
  // A topic named twice is answered once: clients overwrite the first entry with the second.
  hash_map<std::string_view, bool> seen;
  for (auto const& asked : *request.topics) {
    if (!asked.name) {
      response.topics.push_back(describe_by_id(context, *snapshot, asked.id, with_operations));
      continue;
    }
    if (!seen.try_emplace(*asked.name, true).second) continue;
    if (auto const* topic = snapshot->find(*asked.name)) {
      response.topics.push_back(describe_topic(*topic, with_operations));
    } else {
      response.topics.push_back(
          co_await describe_missing(context, std::string{*asked.name}, create, with_operations));
    }
  }
}

}  // namespace

task<net::metadata_response> handle(request_context& context,
                                    net::metadata_request const& request) {
  net::metadata_response response;
  auto snapshot = context.broker.metadata().current();
  response.cluster_id = snapshot->cluster_id;
  response.controller_id = snapshot->controller_id;
  for (auto const& each : snapshot->brokers)
    response.brokers.push_back({each.id, each.host, each.port, each.rack});
  if (request.include_cluster_authorized_operations)
    response.cluster_authorized_operations = operations_on_cluster;

  auto all = !request.topics || (context.version == 0 && request.topics->empty());
  if (!all) {
    co_await describe_listed(context, request, response);
    co_return response;
  }
  response.topics.reserve(snapshot->topics.size());
  for (auto const& [name, topic] : snapshot->topics) {
    response.topics.push_back(describe_topic(*topic, request.include_topic_authorized_operations));
  }
  co_return response;
}

}  // namespace karst::cluster
