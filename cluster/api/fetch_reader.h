#pragma once

#include <span>
#include <vector>

#include "cluster/broker.h"
#include "cluster/fetch_session.h"
#include "reactor/foreign.h"

namespace karst::cluster {

// One partition of a Fetch request, found: what its owner must know to read for it.
struct fetch_job {
  fetch_session::place place = fetch_session::none;
  std::uint32_t turn = 0;  // its number in the order of service
  log::log_id log;
  log::offset from;
  std::int32_t current_leader_epoch = -1;
  std::int32_t last_fetched_epoch = -1;
  std::uint32_t max_bytes = 0;
  // What the client knows: a partition without more than that needs no result.
  log::offset told_high_watermark = log::no_offset;
  log::offset told_log_start = log::no_offset;
};

struct fetch_bounds {
  std::size_t budget = 0;  // of the records of all partitions together
  bool whole_first_batch =
      true;                    // the first partition that has records gives at least one (KIP-74)
  bool whole_batches = false;  // leave no part of a batch at the end
  std::int16_t version = 0;
};

// What the owner found. Records are its memory and go home when the answer is sent.
struct fetch_result {
  fetch_session::place place = fetch_session::none;
  std::uint32_t turn = 0;
  net::error_code error = net::error_code::none;
  log::offset high_watermark = log::no_offset;
  log::offset last_stable = log::no_offset;
  log::offset log_start = log::no_offset;
  log::epoch_end diverging{};
  foreign<buffer_chain> records;
  std::size_t bytes = 0;
  std::size_t max_bytes = 0;  // as asked for the partition
  std::size_t available = 0;  // at most max_bytes: what a larger budget would have given
  bool older_segment = false;
  bool asked_log = false;  // by its owner, rather than refused before

  bool diverges() const { return diverging.end != log::no_offset; }
};

// Reads for partitions of one core, in their order, there; results for those of which there is
// something to say, in the same order.
task<std::vector<fetch_result>> read_partitions(broker& broker, std::span<fetch_job const> jobs,
                                                fetch_bounds bounds);

}  // namespace karst::cluster
