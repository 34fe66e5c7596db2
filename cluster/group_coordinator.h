#pragma once

#include <map>
#include <memory>
#include <string_view>

#include "cluster/broker_config.h"
#include "cluster/group_shard.h"
#include "cluster/internal_topics.h"
#include "cluster/metadata_cache.h"

namespace karst::cluster {

// Where a group is coordinated: the partition of __consumer_offsets that has it, and its core.
struct group_place {
  core_id core = no_core;
  std::int32_t partition = 0;
  log::log_id log;
};

group_settings make_group_settings(broker_config const& config);

// The groups of one core: a group_shard for each partition of __consumer_offsets that the core has,
// their timers, and the expiry of offsets. Made when the core's partitions are, and closed before
// them; used on that core only.
class group_coordinator {
 public:
  group_coordinator(partition_manager& partitions, metadata_cache& metadata,
                    group_settings settings, duration expiry_interval);
  ~group_coordinator();

  // Begins the timers' and the expiry's work.
  void start();
  // Loads all that this core has, a few at a time.
  void load_all();
  // The shard of a place on this core; begins to load one that was not known. nullptr while the
  // partition is not served here (yet).
  std::shared_ptr<group_shard> find(group_place const& place);
  // Done when the place's groups are loaded, or at the deadline.
  task<> loaded(group_place place, time_point deadline);

  // In no order that means something.
  std::vector<listed_group> list() const;
  // COORDINATOR_LOAD_IN_PROGRESS while some shard is not loaded: what list() gives is then not all.
  net::error_code status() const;
  // A topic is deleted: so are the offsets committed for it. Done when that is durable.
  task<> forget_topic(std::string topic);

  // Everything of one partition, for tests; nullptr: not loaded.
  group_shard const* shard(std::int32_t partition) const;

  // All who wait are answered; done when nothing is under way to the disk.
  task<> close();

 private:
  task<> run_timers();
  task<> run_expiry();
  static task<> load(group_coordinator& self, std::shared_ptr<group_shard> shard);

  group_services services_;
  metadata_cache& metadata_;
  duration expiry_interval_;
  std::map<std::int32_t, std::shared_ptr<group_shard>> shards_;  // by partition
  semaphore loads_;
  std::size_t loading_ = 0;
  time_point loading_since_{};
};

}  // namespace karst::cluster
