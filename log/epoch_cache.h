#pragma once

#include <vector>

#include "log/partition_log.h"
#include "log/types.h"

namespace karst::log {

// One leader epoch and the offset of its first record.
struct epoch_start {
  leader_epoch epoch;
  offset start;
  bool operator==(epoch_start const&) const = default;
};

// The leader epochs of one log (Kafka: LeaderEpochFileCache; KIP-101, KIP-279): which epoch wrote
// an offset, and where an epoch ended. A plain synchronous class of the log's core; the log
// persists entries() in its state entries and in leader-epoch-checkpoint. Epochs and start offsets
// both rise strictly. At most limit::epochs_per_log entries: beyond it the oldest is forgotten,
// which makes answers about it those of an epoch below the first known one.
class epoch_cache {
 public:
  epoch_cache() = default;
  // Takes recovered entries; those that break the order are resolved as assign() resolves them.
  explicit epoch_cache(std::vector<epoch_start> const& entries);

  // The next record, at `start`, is written in `epoch`. An epoch that got no record is dropped when
  // the next begins, so restarts do not make the list grow; entries that contradict the new one
  // (same or later epoch or start) give way to it. An epoch already current changes nothing.
  void assign(leader_epoch epoch, offset start);
  // Forgets epochs that start at or after `end`: the log was truncated to it.
  void truncate_from_end(offset end);
  // The log now starts at `start`: epochs that ended before are dropped, the one that holds it
  // starts there.
  void truncate_from_start(offset start);

  // -1 when there is none.
  leader_epoch latest() const { return entries_.empty() ? leader_epoch{} : entries_.back().epoch; }
  // The epoch that wrote `at`; -1 below the first known one.
  leader_epoch epoch_of(offset at) const;
  // OffsetForLeaderEpoch: the latest epoch ends at log_end; an unknown or later one has no answer;
  // one below the first known ends where that begins; otherwise the largest known epoch not above
  // `requested` is answered, with the start of its successor.
  epoch_end end_of(leader_epoch requested, offset log_end) const;

  std::vector<epoch_start> const& entries() const { return entries_; }

 private:
  std::vector<epoch_start> entries_;
};

}  // namespace karst::log
