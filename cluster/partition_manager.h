#pragma once

#include <memory>
#include <vector>

#include "cluster/awaited_logs.h"
#include "cluster/metadata_cache.h"
#include "cluster/partition.h"
#include "log/log_manager.h"
#include "reactor/base/hash.h"

namespace karst::cluster {

struct new_partition {
  directory_index directory = 0;
  log::log_id log;
  std::string topic;
  std::int32_t index = 0;
  uuid topic_id;
  log::leader_epoch epoch{0};
  log::log_config config;
};

// All partitions of one core, in all log directories, by log id: the metadata snapshot says which
// core and log id a partition has; asking its owner by log id finds nothing once it is deleted or
// has moved, never another topic of the same name.
class partition_manager {
 public:
  // A log_manager for each of log.dirs; nullptr: that one is offline.
  explicit partition_manager(std::vector<std::unique_ptr<log::log_manager>> logs)
      : logs_(std::move(logs)) {}
  explicit partition_manager(std::unique_ptr<log::log_manager> logs) {
    logs_.push_back(std::move(logs));
  }

  // nullptr: not (or no longer) here. Valid until the next suspension; a call on it that has begun
  // keeps it.
  partition* find(log::log_id id);
  // Logs that are not here yet: those of adopt() and create() come.
  awaited_logs& awaited() { return awaited_; }
  std::size_t size() const { return partitions_.size(); }
  log::log_manager* logs(directory_index directory) { return logs_[directory].get(); }
  // The largest batch that every directory's journal takes.
  std::size_t max_batch_bytes() const;

  // Takes over a log that recovery has made ready.
  void adopt(directory_index directory, log::partition_log& log, log::leader_epoch epoch,
             log::log_config const& config);
  // Creates the log, durably, and the partition over it.
  task<expected<void, error>> create(new_partition request);
  // The same for many, several at a time; stops at the first failure, having created some.
  task<expected<void, error>> create_all(std::vector<new_partition> requests);
  // Ends the partition's waits and removes its log. A partition that is not here is fine.
  task<expected<void, error>> remove(log::log_id id);
  // The first failure, after having tried all.
  task<expected<void, error>> remove_all(std::vector<log::log_id> ids);
  // Clean stop of all partitions and of the log_managers; the first failure, after having tried
  // all.
  task<expected<void, error>> close(log::progress_callback progress);

 private:
  task<> create_next(std::vector<new_partition>& requests, std::size_t& next,
                     expected<void, error>& outcome);

  struct placed_partition {
    directory_index directory = 0;
    std::unique_ptr<partition> open;
  };
  task<> close_directory(log::log_manager& logs, log::progress_callback progress,
                         expected<void, error>& outcome);

  std::vector<std::unique_ptr<log::log_manager>> logs_;  // by directory
  log::batch_validator validator_;
  awaited_logs awaited_;
  hash_map<log::log_id, placed_partition> partitions_;
};

}  // namespace karst::cluster
