#include "cluster/topic_plan.h"

#include <set>

#include "cluster/internal_topics.h"
#include "cluster/topic_name.h"

namespace karst::cluster {
namespace {

using net::error_code;

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

// As spread over the brokers as those before it.
std::vector<std::int32_t> choose_brokers(metadata_snapshot const& known, std::int32_t index,
                                         std::size_t factor) {
  std::vector<std::int32_t> replicas;
  for (std::size_t replica = 0; replica < factor; ++replica) {
    auto at = (static_cast<std::size_t>(index) + replica) % known.brokers.size();
    replicas.push_back(known.brokers[at].id);
  }
  return replicas;
}

expected<void, refusal> check_assignment(std::vector<std::int32_t> const& replicas,
                                         std::int32_t index, std::size_t factor,
                                         metadata_snapshot const& known) {
  auto invalid = [](std::string message) {
    return refuse(error_code::invalid_replica_assignment, std::move(message));
  };
  if (replicas.empty() || replicas.size() != factor) {
    return invalid("every partition must have the same number of replicas, at least one");
  }
  if (std::set(replicas.begin(), replicas.end()).size() != replicas.size()) {
    return invalid(fmt::format("partition {} names a broker twice", index));
  }
  for (auto id : replicas) {
    if (!is_known_broker(known, id)) return invalid(fmt::format("broker {} is unknown", id));
  }
  return {};
}

expected<void, refusal> use_assignments(topic_request const& request, topic_rules const& rules,
                                        topic_metadata& topic) {
  if (request.partitions != -1 || request.replication_factor != -1) {
    return refuse(error_code::invalid_request,
                  "Both numPartitions or replicationFactor and replicasAssignments were set. Both "
                  "cannot be used at the same time.");
  }
  auto factor = request.assignments.begin()->second.size();
  std::int32_t next = 0;
  for (auto const& [index, replicas] : request.assignments) {
    if (index != next++) {
      return refuse(error_code::invalid_replica_assignment,
                    "partitions must be numbered from 0 without gaps");
    }
    auto checked = check_assignment(replicas, index, factor, rules.known);
    if (!checked) return checked;
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
    topic.partitions.push_back(
        {.index = index,
         .replicas = choose_brokers(rules.known, index, static_cast<std::size_t>(factor))});
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
  return check_overrides(topic.overrides, rules);
}

void lead_by_first_replica(partition_metadata& partition) {
  partition.leader = partition.replicas.front();
  partition.in_sync_replicas = partition.replicas;
}

}  // namespace

expected<void, refusal> check_overrides(config_overrides const& overrides,
                                        topic_rules const& rules) {
  if (auto legal = check_topic_overrides(overrides); !legal) {
    return refuse(error_code::invalid_config, legal.error().message());
  }
  auto found = overrides.find("max.message.bytes");
  if (found != overrides.end() && parse_number(found->second) > rules.most_batch_bytes) {
    return refuse(
        error_code::invalid_config,
        fmt::format("max.message.bytes={} is more than half a journal file holds, {}; set "
                    "karst.journal.file.bytes higher on the broker",
                    found->second, rules.most_batch_bytes));
  }
  return {};
}

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
  for (auto& partition : topic.partitions) lead_by_first_replica(partition);
  return topic;
}

expected<std::vector<partition_metadata>, refusal> plan_partitions(
    topic_metadata const& topic, partitions_request const& request, topic_rules const& rules) {
  auto present = static_cast<std::int32_t>(topic.partitions.size());
  if (request.count == present) {
    return refuse(error_code::invalid_partitions,
                  fmt::format("Topic already has {} partition(s).", present));
  }
  if (request.count < present) {
    return refuse(error_code::invalid_partitions,
                  fmt::format("The topic {} currently has {} partition(s); {} would not be an "
                              "increase.",
                              topic.name, present, request.count));
  }
  auto added = request.count - present;
  if (added > rules.most_partitions) {
    return refuse(error_code::invalid_partitions,
                  fmt::format("this broker has room for {} more partitions, not for {}",
                              rules.most_partitions, added));
  }
  auto const& assigned = request.assignments;
  if (assigned && std::ssize(*assigned) != added) {
    return refuse(error_code::invalid_replica_assignment,
                  fmt::format("Attempted to add {} additional partition(s), but only {} "
                              "assignment(s) were specified.",
                              added, assigned->size()));
  }
  auto factor = topic.partitions.front().replicas.size();
  std::vector<partition_metadata> planned;
  for (auto index = present; index < request.count; ++index) {
    auto& partition = planned.emplace_back(partition_metadata{.index = index});
    if (assigned) {
      partition.replicas = (*assigned)[static_cast<std::size_t>(index - present)];
      auto checked = check_assignment(partition.replicas, index, factor, rules.known);
      if (!checked) return unexpected<refusal>(checked.error());
    } else {
      partition.replicas = choose_brokers(rules.known, index, factor);
    }
    lead_by_first_replica(partition);
  }
  return planned;
}

}  // namespace karst::cluster
