#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/types.h"
#include "reactor/base/uuid.h"

namespace karst::cluster {

// Paths of Kafka 3.9's ZooKeeper tree (kafka.zk.ZkData).
namespace tree_path {
inline constexpr char cluster_id[] = "/cluster/id";
inline constexpr char controller_epoch[] = "/controller_epoch";
inline constexpr char producer_id_block[] = "/latest_producer_id_block";
inline constexpr char topics[] = "/brokers/topics";
inline constexpr char deletions[] = "/admin/delete_topics";
// Karst's own: which log directories belong to a node.
inline constexpr char own[] = "/karst";
inline constexpr char log_directories[] = "/karst/log_directories";
std::string log_directories_of(std::int32_t broker);
std::string topic(std::string_view name);
std::string partitions(std::string_view topic);
std::string partition(std::string_view topic, std::int32_t index);
std::string partition_state(std::string_view topic, std::int32_t index);
std::string topic_config(std::string_view name);
std::string deletion(std::string_view topic);
}  // namespace tree_path

// What the nodes hold, in the JSON that Kafka 3.9 writes and reads. Readers ignore fields that they
// do not know and answer nullopt for what is not such a node.

// /brokers/topics/T, version 3.
struct topic_node {
  uuid id;
  std::vector<std::vector<std::int32_t>> replicas;  // by partition, without gaps
};
std::string to_json(topic_node const& topic);
std::optional<topic_node> parse_topic_node(std::string_view json);

// /brokers/topics/T/partitions/N/state, version 1.
struct partition_state_node {
  std::int32_t leader = -1;
  log::leader_epoch leader_epoch{0};
  std::int32_t controller_epoch = 0;
  std::vector<std::int32_t> in_sync_replicas;
};
std::string to_json(partition_state_node const& state);
std::optional<partition_state_node> parse_partition_state(std::string_view json);

// /config/topics/T, version 1: overrides only.
std::string config_to_json(std::map<std::string, std::string> const& overrides);
std::optional<std::map<std::string, std::string>> parse_config_node(std::string_view json);

// /cluster/id: {"version":"1","id":"..."}.
std::string cluster_id_to_json(std::string_view id);
std::optional<std::string> parse_cluster_id(std::string_view json);

// /karst/log_directories/BROKER, version 1.
struct log_directory_node {
  std::string id;  // directory.id of its meta.properties
  std::string path;
  bool operator==(log_directory_node const&) const = default;
};
std::string to_json(std::vector<log_directory_node> const& directories);
std::optional<std::vector<log_directory_node>> parse_log_directories(std::string_view json);

// /latest_producer_id_block: numbers as text, as Kafka writes them.
struct producer_id_block {
  static constexpr std::int64_t size = 1000;
  std::int32_t broker = -1;
  std::int64_t first = 0;
  std::int64_t last = 0;
};
std::string to_json(producer_id_block const& block);
std::optional<producer_id_block> parse_producer_id_block(std::string_view json);

}  // namespace karst::cluster
