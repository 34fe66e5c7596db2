#pragma once

#include <cstdint>

#include "net/limits.h"
#include "reactor/buffer.h"

namespace karst::cluster {

// How the process's one memory setting (karst.memory.bytes) is divided. Half is for the logs' tails
// and what is not yet in segments, a quarter for requests on their way in, a quarter for answers on
// their way out; the network's parts are per core. What clients want remembered between requests
// comes on top, a sixty-fourth for fetch sessions and a sixteenth for groups, their members and
// offsets, per core too. Small settings are raised to what one largest request needs, so that every
// legal request can be served.
struct memory_plan {
  std::uint64_t log_bytes = 0;          // of the directory, all cores together
  net::limits network;                  // of one core
  std::size_t fetch_session_bytes = 0;  // of one core
  std::size_t group_bytes = 0;          // of one core: beyond it no group is begun
};

memory_plan make_memory_plan(std::uint64_t process_bytes, core_id cores,
                             std::uint64_t request_bytes_max);

}  // namespace karst::cluster
