#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/broker_config.h"
#include "cluster/fetch_session_cache.h"
#include "cluster/group_coordinator.h"
#include "cluster/log_directories.h"
#include "cluster/metadata_cache.h"
#include "cluster/partition_manager.h"
#include "cluster/producer_ids.h"
#include "cluster/refusal.h"
#include "cluster/topics.h"
#include "reactor/core.h"

namespace karst::cluster {

// Where topics, producer ids and the coordination tree live.
inline constexpr core_id controller_core = 0;

struct broker_identity {
  std::int32_t id = -1;  // broker.id
  std::string cluster_id;
  std::string host;  // what clients are told: never a wildcard
  std::uint16_t port = 0;
  std::optional<std::string> rack;
};

// What one core holds of the broker. Used only on that core.
struct shard {
  metadata_cache metadata;
  std::unique_ptr<partition_manager> partitions;
  std::unique_ptr<fetch_session_cache> fetch_sessions;
  std::unique_ptr<group_coordinator> groups;  // over the partitions
};

// One broker: the root that API handlers and connections reach everything from. Identity and
// configuration are set before the first connection is accepted and then immutable, hence readable
// from every core; the rest says where it lives. Made and stopped by broker_life on core 0;
// outlives every connection.
class broker {
 public:
  // `fetch_session_bytes`: for the fetch sessions of one core (memory_plan).
  broker(broker_identity identity, broker_config config, core_id cores,
         std::size_t fetch_session_bytes = fetch_session_limits{}.bytes);
  ~broker();

  broker_identity const& identity() const { return identity_; }
  broker_config const& config() const { return config_; }
  core_id cores() const { return static_cast<core_id>(shards_.size()); }

  // The current core's part.
  shard& local() { return *shards_[core::current().id()]; }
  metadata_cache& metadata() { return local().metadata; }
  partition_manager& partitions() { return *local().partitions; }
  fetch_session_cache& fetch_sessions() { return *local().fetch_sessions; }
  group_coordinator& groups() { return *local().groups; }

  // On controller_core only. Topics are made and deleted once recovery is finished: until then
  // there is a reason why not.
  std::optional<refusal> no_topics_yet() const;
  karst::cluster::topics& topics() { return *topics_; }
  // nullptr: over logs in memory.
  log_directories* directories() { return directories_.get(); }
  karst::cluster::producer_ids& producer_ids() { return *producer_ids_; }

  // On each core, once its partitions are there.
  void open_groups(std::size_t memory_bytes = 64 * MiB);

  // Once. On controller_core.
  void set_controller(std::unique_ptr<karst::cluster::topics> topics,
                      std::unique_ptr<karst::cluster::producer_ids> producer_ids);

  // Gives every core the snapshot; done when all have it. On controller_core.
  task<> publish(std::shared_ptr<metadata_snapshot const> snapshot);

 private:
  friend class broker_life;
  broker_identity identity_;
  broker_config config_;
  std::vector<std::unique_ptr<shard>> shards_;
  std::unique_ptr<log_directories> directories_;
  std::unique_ptr<karst::cluster::topics> topics_;
  std::unique_ptr<karst::cluster::producer_ids> producer_ids_;
};

}  // namespace karst::cluster
