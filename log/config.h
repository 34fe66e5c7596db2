#pragma once

#include <cstdint>
#include <limits>

#include "reactor/base/units.h"

namespace karst::log {

enum class timestamp_type : std::uint8_t { create_time, log_append_time };

// What a log needs of its topic's configuration, with Kafka's defaults; cluster/config makes it
// from the keys named behind each field.
struct log_config {
  std::int64_t segment_bytes = static_cast<std::int64_t>(GiB);             // segment.bytes
  std::int64_t segment_ms = 604'800'000;                                   // segment.ms
  std::int64_t segment_jitter_ms = 0;                                      // segment.jitter.ms
  std::int64_t segment_index_bytes = static_cast<std::int64_t>(10 * MiB);  // segment.index.bytes
  std::int64_t index_interval_bytes = 4096;                                // index.interval.bytes
  std::int64_t max_message_bytes = 1'048'588;                              // max.message.bytes
  std::int64_t retention_bytes = -1;                                       // retention.bytes
  std::int64_t retention_ms = 604'800'000;  // retention.ms; -1: for ever
  bool from_reserve = false;  // may use the space below the hard mark: internal topics
  bool delete_old = true;     // cleanup.policy contains delete
  bool compact = false;       // cleanup.policy contains compact
  std::int64_t delete_retention_ms = 86'400'000;  // delete.retention.ms
  std::int64_t min_compaction_lag_ms = 0;         // min.compaction.lag.ms
  std::int64_t max_compaction_lag_ms =
      std::numeric_limits<std::int64_t>::max();  // max.compaction.lag.ms
  double min_cleanable_dirty_ratio = 0.5;        // min.cleanable.dirty.ratio
  std::int64_t flush_messages = 1;  // flush.messages; Karst's default: an ack means on disk
  timestamp_type message_timestamp_type = timestamp_type::create_time;  // message.timestamp.type
  std::int64_t timestamp_before_max_ms =
      std::numeric_limits<std::int64_t>::max();  // message.timestamp.before.max.ms
  std::int64_t timestamp_after_max_ms =
      std::numeric_limits<std::int64_t>::max();  // message.timestamp.after.max.ms
  std::int8_t recompress_to = -1;                // compression.type; -1: producer's
};

}  // namespace karst::log
