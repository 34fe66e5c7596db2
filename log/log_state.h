#pragma once

#include <string>
#include <vector>

#include "log/byte_stream.h"
#include "log/config.h"
#include "log/epoch_cache.h"
#include "log/types.h"
#include "reactor/base/uuid.h"

namespace karst::log {

// A place in a log's bytes: which segment, and where in it. Ordered as the log is.
struct log_position {
  offset segment;
  position at;
  auto operator<=>(log_position const&) const = default;
};

// All that recovery needs to know of one log (STORAGE.md 1, "state entry"): what the log was right
// after the entries before it in the journal. A value; encoded into the journal by byte order.
struct log_state {
  log_id id;
  log::generation generation;
  uuid topic_id;
  std::string topic;
  std::int32_t partition = 0;

  offset log_start{0};
  offset end{0};
  offset high_watermark{0};
  log_position end_position;
  // Everything before this is durable in the segments. Either on a block boundary, or equal to
  // end_position after a clean stop; then there is no remainder.
  log_position durable_through;
  // The indexes on disk of the active segment cover it up to here.
  position index_valid_through;
  wall_ms active_created = 0;  // when the active segment got its first batch, for segment.ms
  wall_ms active_max_timestamp = -1;
  std::vector<epoch_start> epochs;   // ascending
  std::vector<std::byte> producers;  // as producer_state encodes itself
  std::vector<std::byte> remainder;  // from the last block boundary up to end_position

  std::size_t encoded_bytes() const;
  void encode(byte_writer& out) const;
  // False when the bytes are not a state of this version.
  bool decode(byte_reader& in);
};

}  // namespace karst::log
