#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/config.h"
#include "log/errc.h"
#include "log/types.h"
#include "reactor/base/expected.h"
#include "reactor/base/uuid.h"
#include "reactor/buffer_chain.h"
#include "reactor/task.h"
#include "reactor/waiters.h"

namespace karst::log {

// One record batch, whole and checked by batch_validator for all but its CRC, which append computes
// while it copies.
struct validated_batch;

struct append_rules {
  leader_epoch epoch{0};
  wall_ms now = 0;  // for LogAppendTime and the producer's expiry
};

struct append_info {
  offset first;  // base offset given to the batch (the original one for a duplicate)
  offset end;    // one past the last; wait for durable(end) before acknowledging
  wall_ms log_append_time = -1;  // set only for LogAppendTime
  offset log_start;
  bool duplicate = false;  // recognised as a retry: nothing was appended
};

struct read_limits {
  std::size_t max_bytes = 0;
  bool whole_first_batch =
      true;  // return the first batch whole even if it is larger than max_bytes
};

struct read_result {
  buffer_chain records;        // whole batches, except that the last may be cut (KIP-74); the first
                               // contains the asked offset
  bool older_segment = false;  // there is more than this in newer segments: no reason to wait
  // From the first of these batches to the bound, as far as the segment goes: what there would be
  // without limits.
  std::uint64_t available = 0;
};

struct time_lookup {
  wall_ms timestamp = -1;
  offset at = no_offset;  // no_offset: no such record
  leader_epoch epoch{};
};

struct epoch_end {
  leader_epoch epoch{};  // -1: unknown
  offset end = no_offset;
};

// One partition replica's records on this host (Kafka: UnifiedLog). Lives on one core; every call
// there. Appends are synchronous and only claim; waiting is separate; reading is a plan that owns
// what it needs before it awaits. After a failed write or sync every append and wait answers
// storage_failed until restart (STORAGE.md 6).
class partition_log {
 public:
  virtual ~partition_log() = default;

  virtual log_id id() const = 0;
  virtual std::string const& topic() const = 0;
  virtual std::int32_t partition() const = 0;
  virtual uuid const& topic_id() const = 0;
  virtual log_config const& config() const = 0;
  virtual void set_config(log_config const& config) = 0;

  virtual offset log_start() const = 0;
  virtual offset log_end() const = 0;      // next offset to be given
  virtual offset durable_end() const = 0;  // what consumers may see on a lone node (STORAGE.md I-3)
  virtual std::uint64_t size_bytes() const = 0;
  // Why reads and appends are refused from now on (closed, storage_failed, damaged).
  virtual std::optional<errc> refusal() const = 0;

  // Claims offsets for the batch, copies it into the tail (checking its CRC in the same pass) and
  // joins the next journal group. The order of calls is the order of offsets. On an error nothing
  // has changed. Checks and updates the producer's sequence state.
  virtual expected<append_info, errc> append(validated_batch const& batch,
                                             append_rules const& rules) = 0;
  // Waits until an append of `bytes` may be accepted (journal window, tail memory, allocated
  // segment space); an append that meets no room answers space_exhausted. Waiting is in order of
  // arrival. timed_out at the deadline.
  virtual task<expected<void, errc>> room_for(std::size_t bytes, time_point deadline = never) = 0;
  // For the client: why an append was refused with this error; empty where the code says it all.
  virtual std::string why_refused(errc) const { return {}; }
  // Done when every record below `end` is durable, or the log failed or was closed. timed_out at
  // the deadline: the records may still become durable.
  virtual task<expected<void, errc>> durable(offset end, time_point deadline = never) = 0;
  // Woken whenever durable_end() moves or the log closes: parked fetches wait here.
  virtual waiters& durable_moved() = 0;

  // Batches from the one that contains `from` up to `end` (exclusive; at most log_end).
  // offset_out_of_range outside [log_start, end]; from == end gives no records.
  virtual task<expected<read_result, errc>> read(offset from, offset end, read_limits limits) = 0;
  // First record with timestamp >= `at`, looked up inside (compressed) batches.
  virtual task<expected<time_lookup, errc>> find_by_time(wall_ms at) = 0;
  // The record with the largest timestamp (ListOffsets -3).
  virtual task<expected<time_lookup, errc>> max_timestamp() = 0;

  // DeleteRecords: nothing below `to` can be read any more; durable when done. Segments that lie
  // wholly below go. offset_out_of_range above durable_end(); below log_start() nothing happens.
  virtual task<expected<void, errc>> advance_log_start(offset to) = 0;
  // A follower gives up what its leader does not have (Kafka: UnifiedLog.truncateTo; KIP-101): the
  // batch that contains `end` goes away whole, and the log end is `end` exactly, so that a gap may
  // lie before the next append. Nothing at or above the log end; everything, as the next function
  // does, below the first segment. Waits until what was appended is durable; appends wait
  // meanwhile. Durable when done: after a crash before that the log is the old one or the new one.
  // Producers of which all remembered batches go are looked for in what stays (STORAGE.md 4).
  virtual task<expected<void, errc>> truncate(offset end) = 0;
  // Forgets everything; the log is empty and begins and ends at `start`
  // (UnifiedLog.truncateFullyAndStartAt): what a follower does whose end is below its leader's log
  // start.
  virtual task<expected<void, errc>> truncate_fully_and_start_at(offset start) = 0;

  // Leader epochs (Kafka: LeaderEpochFileCache).
  virtual void begin_epoch(leader_epoch epoch) = 0;  // from the next append on
  virtual leader_epoch epoch_of(offset at) const = 0;
  virtual epoch_end end_of_epoch(
      leader_epoch requested) const = 0;  // reference: KIP-101, KIP-279 rules
  virtual leader_epoch latest_epoch() const = 0;
};

}  // namespace karst::log
