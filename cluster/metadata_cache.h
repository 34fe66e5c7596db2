#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/topic_config.h"
#include "log/types.h"
#include "reactor/base/hash.h"
#include "reactor/base/uuid.h"
#include "reactor/buffer.h"

namespace karst::cluster {

struct broker_metadata {
  std::int32_t id = -1;
  std::string host;
  std::uint16_t port = 0;
  std::optional<std::string> rack;
};

// One of log.dirs, by its place there.
using directory_index = std::uint16_t;

struct partition_metadata {
  std::int32_t index = 0;
  std::int32_t leader = -1;  // broker id; -1: none
  log::leader_epoch leader_epoch{0};
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> in_sync_replicas;
  std::vector<std::int32_t> offline_replicas;
  // Where the replica of this broker lives; no_core when it has none.
  core_id core = no_core;
  log::log_id log{};
  // Which of log.dirs has it. Offline: that directory, or the log alone, cannot be used.
  directory_index directory = 0;
  bool offline = false;

  // As Kafka's controller shows a replica whose directory failed: no leader.
  void go_offline(std::int32_t self) {
    offline = true;
    leader = -1;
    offline_replicas = {self};
  }
};

struct topic_metadata {
  std::string name;
  uuid id;
  bool internal = false;  // __consumer_offsets and the like
  config_overrides overrides;
  std::vector<partition_metadata> partitions;  // by index, without gaps

  // nullptr when there is none.
  partition_metadata const* find(std::int32_t partition) const;
};

// Everything a Metadata answer is made of, at one instant. Immutable.
struct metadata_snapshot {
  std::uint64_t version = 0;  // rises with every change
  std::string cluster_id;
  std::int32_t controller_id = -1;
  std::vector<broker_metadata> brokers;  // sorted by id
  std::map<std::string, std::shared_ptr<topic_metadata const>, std::less<>> topics;
  hash_map<uuid, std::shared_ptr<topic_metadata const>> topics_by_id;

  // nullptr when unknown.
  topic_metadata const* find(std::string_view topic) const;
  topic_metadata const* find(uuid const& topic_id) const;
  partition_metadata const* find(std::string_view topic, std::int32_t partition) const;
};

// The current snapshot as one core sees it. Replaced whole by cluster/topics on core 0, which
// answers its caller only when every core has the new one. A handler takes current() once and keeps
// it for the request; across co_await it may be outdated, hence owners are asked by log id and
// check again.
class metadata_cache {
 public:
  // The count of the returned pointer is this core's own: taking and dropping it never touches
  // another core's cache lines.
  std::shared_ptr<metadata_snapshot const> const& current() const { return current_; }
  void replace(std::shared_ptr<metadata_snapshot const> snapshot);

 private:
  std::shared_ptr<metadata_snapshot const> current_ = std::make_shared<metadata_snapshot>();
};

}  // namespace karst::cluster
