#pragma once

#include <string>

#include "log/batch_validator.h"
#include "log/partition_log.h"
#include "reactor/base/expected.h"
#include "reactor/gate.h"
#include "reactor/semaphore.h"
#include "reactor/task.h"

namespace karst::cluster {

// Names limit and size for batch_too_large, and the records that are wrong for invalid_record.
using append_error = log::batch_error;

struct append_options {
  std::int16_t produce_version = 9;  // zstd needs 7
  time_point deadline = never;       // to have room; timed_out when it passes
  // The records may be memory of another core: they are read, not counted.
  bool borrowed = true;
};

// What a reader may see.
enum class read_bound : std::uint8_t {
  high_watermark,  // consumers
  log_end,         // replicas and debugging
};

// A movement of a partition's high watermark that someone waits for; see movement.h. On the
// partition's core.
struct movement_subscription : list_link {
  void (*notify)(movement_subscription&) =
      nullptr;  // also when the partition goes away; makes something ready, resumes nothing
};

// This broker's replica of a partition, as its leader. Lives on the core that placement chose,
// together with its log; all calls there. It is found anew by log id for every request. A call that
// has begun holds it: deletion closes the log, so that waits end with errc::closed, and destroys
// the partition when the last call has left.
class partition {
 public:
  // The validator is the core's.
  partition(log::partition_log& log, log::leader_epoch epoch, log::batch_validator& validator);
  ~partition();

  log::partition_log& log() { return log_; }
  log::leader_epoch leader_epoch() const { return epoch_; }
  // A lone node is its whole in-sync replica set: committed is what is durable here.
  log::offset high_watermark() const { return log_.durable_end(); }
  // The high watermark until transactions exist.
  log::offset last_stable_offset() const { return high_watermark(); }

  // Validates the one batch in `records` (in slices that yield the core) and appends it. Calls take
  // effect in the order in which they are made, also while an earlier batch is being validated.
  // `records` may be memory of another core; it is read, not counted, until the task is done.
  task<expected<log::append_info, append_error>> append(buffer_chain const& records,
                                                        append_options options);
  // The same for a small batch of this core's memory that needs no waiting and no rewriting, nearly
  // every one: at once, without a task. nullopt: nothing has happened, call append().
  std::optional<expected<log::append_info, append_error>> append_now(buffer_chain const& records,
                                                                     append_options options);
  // Done when an acknowledgement may leave for everything below `end`: the high watermark has
  // passed it, or, when the topic's flush.messages is above 1, at once. Errors: closed,
  // storage_failed; timed_out at the deadline, though it may become true later.
  task<expected<void, log::errc>> committed(log::offset end, time_point deadline = never);
  // Whole batches from the one that contains `from` up to the bound.
  task<expected<log::read_result, log::errc>> read(log::offset from, read_bound bound,
                                                   log::read_limits limits);

  // ListOffsets: the first committed record with timestamp >= `at`; the committed record with the
  // largest timestamp. no_offset when there is none.
  task<expected<log::time_lookup, log::errc>> find_by_time(wall_ms at);
  task<expected<log::time_lookup, log::errc>> max_timestamp();

  // DeleteRecords: nothing below `to` (-1: the high watermark) can be read any more, durably.
  // Returns where the log begins from now on. offset_out_of_range: below 0 or not committed.
  task<expected<log::offset, log::errc>> delete_records(std::int64_t to);

  // Notified once, at the next movement of the high watermark or when the partition goes away.
  void subscribe(movement_subscription& subscription);

  // No call takes effect any more: appends and waits answer closed, subscribers are notified.
  void begin_close();
  // Done when the last call has left; the log must have been closed, so that its waits end.
  task<> close();

 private:
  task<> watch_log();
  void notify_all();
  task<expected<log::append_info, append_error>> append_in_turn(buffer_chain const& records,
                                                                append_options options);

  log::partition_log& log_;
  log::leader_epoch epoch_;
  log::batch_validator& validator_;
  semaphore append_turn_{1};
  bool closing_ = false;
  bool watching_ = false;
  intrusive_list<movement_subscription> subscriptions_;
  gate users_;
};

}  // namespace karst::cluster
