#include "cluster/tree_nodes.h"

#include <charconv>
#include <nlohmann/json.hpp>

namespace karst::cluster {
namespace {

using nlohmann::json;
// Keeps the order in which Kafka writes fields.
using ordered = nlohmann::ordered_json;

// An object, or nullopt: the library is used without exceptions.
std::optional<json> parse_object(std::string_view text) {
  auto parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  return parsed;
}

template <typename Number>
std::optional<Number> parse_decimal(std::string_view text) {
  Number number{};
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::int32_t> integer(json const& object, char const* name) {
  auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int32_t>();
}

std::optional<std::string> text(json const& object, char const* name) {
  auto found = object.find(name);
  if (found == object.end() || !found->is_string()) return std::nullopt;
  return found->get<std::string>();
}

std::optional<std::vector<std::int32_t>> integers(json const& array) {
  if (!array.is_array()) return std::nullopt;
  std::vector<std::int32_t> numbers;
  for (auto const& element : array) {
    if (!element.is_number_integer()) return std::nullopt;
    numbers.push_back(element.get<std::int32_t>());
  }
  return numbers;
}

}  // namespace

namespace tree_path {
std::string log_directories_of(std::int32_t broker) {
  return fmt::format("{}/{}", log_directories, broker);
}
std::string topic(std::string_view name) { return fmt::format("{}/{}", topics, name); }
std::string partitions(std::string_view name) {
  return fmt::format("{}/{}/partitions", topics, name);
}
std::string partition(std::string_view name, std::int32_t index) {
  return fmt::format("{}/{}/partitions/{}", topics, name, index);
}
std::string partition_state(std::string_view name, std::int32_t index) {
  return fmt::format("{}/{}/partitions/{}/state", topics, name, index);
}
std::string topic_config(std::string_view name) { return fmt::format("/config/topics/{}", name); }
std::string deletion(std::string_view name) { return fmt::format("{}/{}", deletions, name); }
}  // namespace tree_path

std::string to_json(topic_node const& topic) {
  auto partitions = ordered::object();
  for (std::size_t i = 0; i < topic.replicas.size(); ++i) {
    partitions[std::to_string(i)] = topic.replicas[i];
  }
  return ordered{{"removing_replicas", ordered::object()},
                 {"partitions", partitions},
                 {"topic_id", to_string(topic.id)},
                 {"adding_replicas", ordered::object()},
                 {"version", 3}}
      .dump();
}

std::optional<topic_node> parse_topic_node(std::string_view json_text) {
  auto object = parse_object(json_text);
  if (!object) return std::nullopt;
  auto id = text(*object, "topic_id");
  auto parsed_id = id ? parse_uuid(*id) : std::nullopt;
  auto partitions = object->find("partitions");
  if (!parsed_id || partitions == object->end() || !partitions->is_object()) return std::nullopt;
  topic_node topic{.id = *parsed_id};
  topic.replicas.resize(partitions->size());
  std::vector<bool> seen(topic.replicas.size());
  for (auto const& [key, replicas] : partitions->items()) {
    auto index = parse_decimal<std::size_t>(key);
    auto brokers = integers(replicas);
    if (!index || *index >= topic.replicas.size() || seen[*index] || !brokers) return std::nullopt;
    seen[*index] = true;
    topic.replicas[*index] = std::move(*brokers);
  }
  return topic;
}

std::string to_json(partition_state_node const& state) {
  return ordered{{"controller_epoch", state.controller_epoch},
                 {"leader", state.leader},
                 {"version", 1},
                 {"leader_epoch", state.leader_epoch.value},
                 {"isr", state.in_sync_replicas}}
      .dump();
}

std::optional<partition_state_node> parse_partition_state(std::string_view json_text) {
  auto object = parse_object(json_text);
  if (!object || !object->contains("isr")) return std::nullopt;
  auto leader = integer(*object, "leader");
  auto epoch = integer(*object, "leader_epoch");
  auto controller_epoch = integer(*object, "controller_epoch");
  auto in_sync = integers((*object)["isr"]);
  if (!leader || !epoch || !controller_epoch || !in_sync) return std::nullopt;
  return partition_state_node{*leader, log::leader_epoch{*epoch}, *controller_epoch,
                              std::move(*in_sync)};
}

std::string config_to_json(std::map<std::string, std::string> const& overrides) {
  return ordered{{"version", 1}, {"config", overrides}}.dump(-1, ' ', false,
                                                             json::error_handler_t::replace);
}

std::optional<std::map<std::string, std::string>> parse_config_node(std::string_view json_text) {
  auto object = parse_object(json_text);
  if (!object || !object->contains("config") || !(*object)["config"].is_object()) {
    return std::nullopt;
  }
  std::map<std::string, std::string> overrides;
  for (auto const& [name, value] : (*object)["config"].items()) {
    if (!value.is_string()) return std::nullopt;
    overrides[name] = value.get<std::string>();
  }
  return overrides;
}

std::string cluster_id_to_json(std::string_view id) {
  return ordered{{"version", "1"}, {"id", id}}.dump();
}

std::optional<std::string> parse_cluster_id(std::string_view json_text) {
  auto object = parse_object(json_text);
  return object ? text(*object, "id") : std::nullopt;
}

std::string to_json(producer_id_block const& block) {
  return ordered{{"version", 1},
                 {"broker", block.broker},
                 {"block_start", std::to_string(block.first)},
                 {"block_end", std::to_string(block.last)}}
      .dump();
}

std::optional<producer_id_block> parse_producer_id_block(std::string_view json_text) {
  auto object = parse_object(json_text);
  if (!object) return std::nullopt;
  auto broker = integer(*object, "broker");
  auto first = text(*object, "block_start");
  auto last = text(*object, "block_end");
  auto first_id = first ? parse_decimal<std::int64_t>(*first) : std::nullopt;
  auto last_id = last ? parse_decimal<std::int64_t>(*last) : std::nullopt;
  if (!broker || !first_id || !last_id) return std::nullopt;
  return producer_id_block{*broker, *first_id, *last_id};
}

std::string to_json(std::vector<log_directory_node> const& directories) {
  ordered node{{"version", 1}, {"directories", ordered::array()}};
  for (auto const& each : directories) {
    node["directories"].push_back({{"id", each.id}, {"path", each.path}});
  }
  return node.dump();
}

std::optional<std::vector<log_directory_node>> parse_log_directories(std::string_view from) {
  auto object = parse_object(from);
  if (!object) return std::nullopt;
  auto listed = object->find("directories");
  if (listed == object->end() || !listed->is_array()) return std::nullopt;
  std::vector<log_directory_node> directories;
  for (auto const& each : *listed) {
    auto id = each.is_object() ? text(each, "id") : std::nullopt;
    auto path = each.is_object() ? text(each, "path") : std::nullopt;
    if (!id || !path) return std::nullopt;
    directories.push_back({std::move(*id), std::move(*path)});
  }
  return directories;
}

}  // namespace karst::cluster
