#include "cluster/topic_plan.h"

#include <set>

#include "cluster/internal_topics.h"
#include "cluster/topic_name.h"

namespace karst::cluster {
namespace {

using net::error_code;

unexpected<refusal> refuse(error_code code, std::string message) {
  return unexpected<refusal>(refusal{code, std::move(message)});
}

expected<void, refusal> check_name(std::string const& name, metadata_snapshot const& known) {
  if (!is_valid_topic_name(name)) {
    return refuse(error_code::invalid_topic_exception,
                  "Topic name is invalid: it must have 1 to 249 characters, only letters, digits, "
                  "'.', '_' and '-', and be neither '.' nor '..'");
  }
  if (known.find(name) != nullptr) {
    return refuse(error_code::topic_already_exists,
                  fmt::format("Topic '{}' already exists.", name));
  }
  for (auto const& [other, topic] : known.topics) {
    if (topic_names_collide(name, other)) {
      return refuse(error_code::invalid_topic_exception,
                    fmt::format("Topic '{}' collides with existing topic: {}", name, other));
    }
  }
  return {};
}

bool is_known_broker(metadata_snapshot const& known, std::int32_t id) {
  return std::ranges::find(known.brokers, id, &broker_metadata::id) != known.brokers.end();
}

expected<void, refusal> use_assignments(topic_request const& request, topic_rules const& rules,
                                        topic_metadata& topic) {
  auto invalid = [](std::string message) {
    return refuse(error_code::invalid_replica_assignment, std::move(message));
  };
  if (request.partitions != -1 || request.replication_factor != -1) {
    return refuse(error_code::invalid_request,
                  "Both numPartitions or replicationFactor and replicasAssignments were set. Both "
                  "cannot be used at the same time.");
  }
  auto factor = request.assignments.begin()->second.size();
  std::int32_t next = 0;
  for (auto const& [index, replicas] : request.assignments) {
    if (index != next++) return invalid("partitions must be numbered from 0 without gaps");
    if (replicas.empty() || replicas.size() != factor) {
      return invalid("every partition must have the same number of replicas, at least one");
    }
    if (std::set(replicas.begin(), replicas.end()).size() != replicas.size()) {
      return invalid(fmt::format("partition {} names a broker twice", index));
    }
    for (auto id : replicas) {
      if (!is_known_broker(rules.known, id))
        return invalid(fmt::format("broker {} is unknown", id));
    }
    topic.partitions.push_back({.index = index, .replicas = replicas});
  }
  return {};
}

expected<void, refusal> choose_replicas(topic_request const& request, topic_rules const& rules,
                                        topic_metadata& topic) {
  auto brokers = static_cast<std::int64_t>(rules.known.brokers.size());
  auto count = request.partitions == -1 ? rules.config.number("num.partitions")
                                        : std::int64_t{request.partitions};
  if (count <= 0) {
    return refuse(error_code::invalid_partitions,
                  "Number of partitions was set to an invalid non-positive value.");
  }
  if (count > rules.most_partitions) {
    return refuse(error_code::invalid_partitions,
                  fmt::format("this broker has room for {} more partitions, not for {}",
                              rules.most_partitions, count));
  }
  auto factor = std::min(rules.config.number("default.replication.factor"), brokers);
  if (request.replication_factor != -1) factor = request.replication_factor;
  if (factor <= 0) {
    return refuse(error_code::invalid_replication_factor,
                  "Replication factor was set to an invalid non-positive value.");
  }
  if (factor > brokers) {
    return refuse(
        error_code::invalid_replication_factor,
        fmt::format("Replication factor: {} larger than available brokers: {}.", factor, brokers));
  }
  for (std::int32_t index = 0; index < count; ++index) {
    partition_metadata partition{.index = index};
    for (std::int64_t replica = 0; replica < factor; ++replica) {
      auto at = static_cast<std::size_t>((index + replica) % brokers);
      partition.replicas.push_back(rules.known.brokers[at].id);
    }
    topic.partitions.push_back(std::move(partition));
  }
  return {};
}

expected<void, refusal> use_configs(topic_request const& request, topic_rules const& rules,
                                    topic_metadata& topic) {
  for (auto const& [name, value] : request.configs) {
    if (!value) {
      return refuse(error_code::invalid_config,
                    fmt::format("Null value not supported for topic configs: {}", name));
    }
    topic.overrides[name] = *value;
  }
  if (auto legal = check_topic_overrides(topic.overrides); !legal) {
    return refuse(error_code::invalid_config, legal.error().message());
  }
  auto found = topic.overrides.find("max.message.bytes");
  if (found != topic.overrides.end() && parse_number(found->second) > rules.most_batch_bytes) {
    return refuse(
        error_code::invalid_config,
        fmt::format("max.message.bytes={} is more than half a journal file holds, {}; set "
                    "karst.journal.file.bytes higher on the broker",
                    found->second, rules.most_batch_bytes));
  }
  return {};
}

}  // namespace

expected<topic_metadata, refusal> plan_topic(topic_request const& request,
                                             topic_rules const& rules) {
  topic_metadata topic{.name = request.name};
  if (auto checked = check_name(request.name, rules.known); !checked) {
    return unexpected<refusal>(checked.error());
  }
  topic.internal = is_internal_topic(request.name);
  auto replicas = request.assignments.empty() ? choose_replicas(request, rules, topic)
                                              : use_assignments(request, rules, topic);
  if (!replicas) return unexpected<refusal>(replicas.error());
  if (auto configs = use_configs(request, rules, topic); !configs) {
    return unexpected<refusal>(configs.error());
  }
  for (auto& partition : topic.partitions) {
    partition.leader = partition.replicas.front();
    partition.in_sync_replicas = partition.replicas;
  }
  return topic;
}

}  // namespace karst::cluster
