#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/limits.h"
#include "log/partition_log.h"
#include "log/space.h"
#include "reactor/base/expected.h"
#include "reactor/core.h"

namespace karst::log {

// Compaction of the logs whose policy asks for it, on one core.
struct cleaner_options {
  bool enabled = true;                 // log.cleaner.enable
  std::size_t map_bytes = 64 * MiB;    // its share of log.cleaner.dedupe.buffer.size
  std::uint64_t bytes_per_second = 0;  // of log.cleaner.io.max.bytes.per.second; 0: no limit
  duration backoff = 15s;              // log.cleaner.backoff.ms: when nothing is dirty enough
};

struct directory_options {
  std::string path;  // log.dirs
  core_id cores = 1;
  std::uint64_t journal_file_bytes = 64 * MiB;  // 16 MiB with --dev
  std::uint32_t journal_files = 4;              // per core, one of them in reserve
  std::uint64_t memory_bytes =
      0;  // budget of this directory for undestaged bytes and tails, all cores together; 0: derived
  std::uint64_t descriptors = 1024;    // that the process may have open: some are for segments
  duration retention_interval = 5min;  // log.retention.check.interval.ms
  std::int64_t producer_expiration_ms = 86'400'000;  // producer.id.expiration.ms
  cleaner_options cleaner;
  space_rules space;                                   // of the directory's volume
  std::uint64_t freed_at_once = limit::freed_at_once;  // bytes of a removed file
  bool allow_buffered =
      true;  // O_DIRECT refused: go on with buffered writes + fdatasync (announced), or fail
};

// A log found in the directory's journals and segment directories.
struct found_log {
  log_id id;
  std::string topic;
  std::int32_t partition = 0;
  uuid topic_id;
  core_id last_core = no_core;  // where it lived before; a hint for placement
};

struct directory_report {
  bool direct = true;         // O_DIRECT works here
  std::string direct_reason;  // why not, and the remedy
  bool clean = false;         // the last stop was clean
  std::string damage;         // of a journal: logs that are not found may be in what cannot be read
  std::uint64_t journal_bytes = 0;  // on disk, all cores
  std::vector<found_log> logs;
  std::vector<std::string> unknown_directories;  // kept, reported, never deleted
};

struct recovered_state;  // immutable once read; shared by all cores

// A log directory of this process. Opened once on core 0: takes the lock, reads every journal of
// any core count, writes nothing until all are read (STORAGE.md 5). Then each core starts its
// log_manager over the logs that placement gave it.
class log_directory {
 public:
  static task<expected<std::unique_ptr<log_directory>, error>> open(directory_options options);
  virtual ~log_directory() = default;
  virtual directory_report const& report() const = 0;
  virtual directory_options const& options() const = 0;
  // After every core's log_manager has recovered its logs: removes old journals, makes the new ones
  // current.
  virtual task<expected<void, error>> finish_recovery() = 0;
  // Ends the directory's service on all cores, as a failed write does. On core 0.
  virtual void take_offline(std::string why) = 0;
  // Set after the first failed write or take_offline(): what and where. Empty while healthy.
  virtual std::string const& failure() const = 0;
  // Called once, on core 0, when `failure` is set.
  std::function<void(std::string const& failure)> on_failure;
  // After every log_manager is closed: marks the stop clean, releases the lock.
  virtual task<expected<void, error>> close() = 0;
};

// Progress of recovery or of a clean stop, for the log and later metrics: called on the
// log_manager's core, rate-limited by the caller.
struct progress {
  std::uint64_t done = 0;
  std::uint64_t of = 0;  // logs or bytes: a share
};
using progress_callback = std::function<void(progress)>;

// All logs of one core in one directory: owns the core's journal, destager and logs.
class log_manager {
 public:
  // On its core. Makes the core's journal; logs may be created from now on.
  static task<expected<std::unique_ptr<log_manager>, error>> start(log_directory& directory);
  virtual ~log_manager() = default;
  // Once. Recovers the logs given; each is found and served from the moment in which `ready` is
  // called for it, those that a clean stop left first. After an error the manager is only closed.
  virtual task<expected<void, error>> recover(std::vector<log_id> logs,
                                              std::function<void(partition_log&)> ready,
                                              progress_callback progress) = 0;

  // Durable when done: directory, segment, partition.metadata and journal entry. `id` comes from
  // the caller and is never reused. no_space and too_many_files are refusals that leave nothing
  // behind.
  virtual task<expected<partition_log*, error>> create(log_id id, std::string topic,
                                                       std::int32_t partition, uuid topic_id,
                                                       log_config config) = 0;
  // Fails its waiters with closed, removes its files. Readers that hold plans finish first.
  virtual task<expected<void, error>> remove(log_id id) = 0;
  virtual partition_log* find(log_id id) = 0;
  // Clean stop: destages everything including remainders, writes Kafka's checkpoints, seals.
  // Appends answer closed from now on.
  virtual task<expected<void, error>> close(progress_callback progress) = 0;

  // The largest batch that fits half a journal file; a larger max.message.bytes is refused with
  // this limit in the text.
  virtual std::size_t max_batch_bytes() const = 0;
  // Set after the first failed write: what and where, for the operator. Empty while healthy.
  virtual std::string const& failure() const = 0;
};

}  // namespace karst::log
