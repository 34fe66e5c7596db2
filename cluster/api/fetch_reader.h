#pragma once

#include <vector>

#include "cluster/broker.h"
#include "net/messages/fetch.h"
#include "reactor/foreign.h"

namespace karst::cluster {

// One partition of a Fetch request, found: what its owner must know to read for it.
struct fetch_job {
  log::log_id log;
  std::int32_t current_leader_epoch = -1;
  std::int32_t last_fetched_epoch = -1;
  log::offset from;
  std::size_t max_bytes = 0;
  std::int16_t version = 0;
};

// What the owner found. Records are its memory and go home when the answer is sent.
struct fetch_result {
  net::error_code error = net::error_code::none;
  log::offset high_watermark = log::no_offset;
  log::offset last_stable = log::no_offset;
  log::offset log_start = log::no_offset;
  log::epoch_end diverging{};
  foreign<buffer_chain> records;
  std::size_t bytes = 0;
  std::size_t max_bytes = 0;  // as asked for the partition
  bool older_segment = false;
  bool asked_log = false;  // by its owner, rather than refused before
};

// Reads for partitions of one core, in their order, there. `budget` bounds their records together,
// but the first partition that has records gives at least one whole batch (KIP-74).
task<std::vector<fetch_result>> read_partitions(broker& broker, std::vector<fetch_job> const& jobs,
                                                std::size_t budget);

}  // namespace karst::cluster
