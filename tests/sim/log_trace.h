#pragma once

#include <string>
#include <vector>

#include "tests/sim/log_node.h"

namespace karst::sim {

// A power cut taken out of a running trace: the disk as the next start finds it, and what had been
// promised by then.
struct power_cut_image {
  std::uint64_t operation = 0;
  std::string after;  // what that operation was
  disk left;
  std::map<std::uint64_t, log_promise> promises;
};

// Journals and segments small enough that a short trace goes round all of them.
log::directory_options small_directory(core_id cores);
log::log_config small_log();

struct trace_options {
  std::uint64_t seed = 1;
  core_id cores = 1;         // of the first start
  core_id cores_later = 2;   // after a clean stop in the middle
  unsigned rounds = 10;      // of appends to all logs, before and after the stop each
  bool stop_cleanly = true;  // in the middle; else the process ends like by kill -9
};

// Runs a trace drawn from the seed: creates logs, appends small and large batches to them, one at a
// time and at once, rolls segments, reuses journal files, truncates, deletes and makes again,
// retries, idles, stops, starts with another number of cores, removes a log, and stops again. Goes
// on over failures (faults, a power cut); returns the first one.
std::string run_trace(world& host, log_ledger& ledger, trace_options const& options);

// The same with power cuts taken after every file operation: unsynced writes are all dropped, torn
// or kept one by one, or all kept.
std::vector<power_cut_image> cut_everywhere(trace_options const& options, log_ledger& ledger);

// Starts on the image and compares with the promises; complaints, empty for none.
struct recovery_result {
  std::string complaints;
  std::string content;
  std::uint64_t operations = 0;
  std::uint64_t bytes_read = 0;
};
recovery_result recover(disk image, std::map<std::uint64_t, log_promise> const& promises,
                        log_ledger& ledger, core_id cores, std::uint64_t seed);

}  // namespace karst::sim
