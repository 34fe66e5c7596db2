// Changes of topics that exist: more partitions, other settings.
#include "cluster/broker.h"
#include "cluster/coordination.h"
#include "cluster/every_core.h"
#include "cluster/placement.h"
#include "cluster/topic_plan.h"
#include "cluster/tree_nodes.h"
#include "reactor/base/logging.h"

namespace karst::cluster {
namespace {

using net::error_code;

unexpected<refusal> unknown_topic(std::string const& name) {
  return refuse(error_code::unknown_topic_or_partition,
                fmt::format("The topic '{}' does not exist.", logging::escape(name)));
}

unexpected<refusal> not_stored(coordination_errc code) {
  return refuse(error_code::kafka_storage_error, std::string{describe(code)});
}

// /brokers/topics/T with these partitions.
set_node replicas_node(topic_metadata const& topic) {
  topic_node node{.id = topic.id};
  for (auto const& partition : topic.partitions) node.replicas.push_back(partition.replicas);
  return {tree_path::topic(topic.name), to_json(node)};
}

}  // namespace

task<expected<void, refusal>> topics::add_partitions(partitions_request request, bool validate_only,
                                                     time_point deadline) {
  return in_turn(add_partitions_next(std::move(request), validate_only), deadline);
}

task<expected<void, refusal>> topics::set_configs(config_request request, bool validate_only) {
  return in_turn(set_configs_next(std::move(request), validate_only), never);
}

task<expected<void, refusal>> topics::add_partitions_next(partitions_request request,
                                                          bool validate_only) {
  auto known = broker_.metadata().current();
  auto found = known->topics.find(request.name);
  if (found == known->topics.end()) co_return unknown_topic(request.name);
  auto topic = found->second;
  if (topic->internal) {
    co_return refuse(error_code::invalid_topic_exception,
                     "an internal topic keeps its number of partitions: what it holds is found by "
                     "it");
  }
  auto planned = plan_partitions(
      *topic, request,
      {.config = broker_.config(), .known = *known, .most_partitions = placement_.room()});
  if (!planned) co_return unexpected<refusal>(planned.error());
  if (validate_only) co_return expected<void, refusal>{};

  // The topic with the new partitions alone, and the whole.
  auto added = *topic;
  added.partitions = std::move(*planned);
  if (!place(added)) {
    co_return refuse(error_code::kafka_storage_error, "no log directory is in service");
  }
  auto changed = std::make_shared<topic_metadata>(*topic);
  std::ranges::copy(added.partitions, std::back_inserter(changed->partitions));
  if (auto written = co_await write_partitions(*changed, added); !written) {
    release(added);
    co_return unexpected<refusal>(written.error());
  }
  if (auto logs = co_await create_logs(added); !logs) {
    (void)co_await remove_logs(added);
    co_await take_partitions_back(*topic, added);
    co_return refuse(error_code::kafka_storage_error, logs.error().message());
  }
  co_await publish(std::move(changed));
  co_return expected<void, refusal>{};
}

task<expected<void, refusal>> topics::write_partitions(topic_metadata const& topic,
                                                       topic_metadata const& added) {
  std::vector<node_operation> change{replicas_node(topic)};
  add_partition_nodes(added, change);
  auto written = co_await tree_.multi(std::move(change));
  if (!written) co_return not_stored(written.error());
  co_return expected<void, refusal>{};
}

// If that is cut short too, the next start finds the partitions and makes their logs.
task<> topics::take_partitions_back(topic_metadata const& topic, topic_metadata const& added) {
  std::vector<node_operation> change{replicas_node(topic)};
  remove_partition_nodes(added, change);
  if (auto taken = co_await tree_.multi(std::move(change)); !taken) {
    logging::error("topics", "{} has {} partitions more at the next start: {}", topic.name,
                   added.partitions.size(), describe(taken.error()));
  }
}

task<expected<void, refusal>> topics::set_configs_next(config_request request, bool validate_only) {
  auto known = broker_.metadata().current();
  auto found = known->topics.find(request.name);
  if (found == known->topics.end()) co_return unknown_topic(request.name);
  auto topic = std::make_shared<topic_metadata>(*found->second);
  auto overrides = apply_changes(request.keep_others ? topic->overrides : config_overrides{},
                                 broker_.config(), request.changes);
  if (!overrides) co_return unexpected<refusal>(overrides.error());
  topic->overrides = std::move(*overrides);
  auto legal = check_overrides(
      topic->overrides,
      {.config = broker_.config(),
       .known = *known,
       .most_batch_bytes = static_cast<std::int64_t>(broker_.partitions().max_batch_bytes())});
  if (!legal) co_return unexpected<refusal>(legal.error());
  if (validate_only) co_return expected<void, refusal>{};

  std::vector<node_operation> change;
  change.push_back(
      set_node{tree_path::topic_config(topic->name), config_to_json(topic->overrides)});
  if (auto written = co_await tree_.multi(std::move(change)); !written) {
    co_return not_stored(written.error());
  }
  co_await configure_logs(*topic);
  co_await publish(std::move(topic));
  co_return expected<void, refusal>{};
}

task<> topics::configure_logs(topic_metadata const& topic) {
  auto config = config_of(topic);
  co_await on_every_core(broker_.cores(), [&](core_id core) {
    for (auto const& each : topic.partitions) {
      if (each.core != core) continue;
      if (auto* here = broker_.partitions().find(each.log)) here->log().set_config(config);
    }
  });
}

}  // namespace karst::cluster
