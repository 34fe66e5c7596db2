#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "log/decompressor_pool.h"
#include "log/descriptor_cache.h"
#include "log/file_remover.h"
#include "log/index_cache.h"
#include "log/journal.h"
#include "log/limits.h"
#include "log/segment_reads.h"
#include "log/tail_cache.h"
#include "reactor/semaphore.h"
#include "reactor/waiters.h"

namespace karst::log {

// Refusals: nothing was acknowledged, and there may be room later (STORAGE.md 6).
inline bool is_refusal(karst::errc code) {
  return code == karst::errc::no_space || code == karst::errc::too_many_files ||
         code == karst::errc::no_memory;
}
// How long to wait after one before the same is tried again.
inline constexpr duration refusal_patience = 50ms;

// What the logs of one core in one directory share. Made by the log_manager, which outlives them.
struct log_services {
  std::string directory;
  bool direct = true;
  karst::log::journal* journal = nullptr;
  tail_cache* tails = nullptr;
  segment_reads reads{1};  // by its consumers
  // Segment writes in flight (STORAGE.md 3), and their bytes: the device serves what it is given in
  // order, so what lies before a journal write delays every acknowledgement.
  semaphore writes{limit::segment_writes};
  semaphore write_bytes{limit::segment_write_bytes_hurried};
  descriptor_cache segment_files{limit::segment_files_least};
  file_remover removals;
  index_cache indexes{limit::index_bytes_kept};
  std::uint64_t damaged_reads = 0;  // batches that did not match their CRC when they were read
  decompressor_pool inflate;        // for lookups by time
  std::string failure;  // the first failed write: final (STORAGE.md 6); empty while healthy
  std::uint64_t failed_reads = 0;  // each was answered with an error; the directory goes on
  time_point give_up_at = never;   // a stop waits so long for descriptors
  bool memory_wanted = false;      // an append waits for tail memory: destage now
  bool low = false;                // soft space mark reached: little is allocated ahead
  bool full = false;               // hard space mark reached: produce is refused
  std::uint64_t allocated_unseen = 0;
  std::string space_refusal;  // what clients are told then

  std::function<void()> ask_for_space;    // an allocation was refused, or something was deleted
  std::function<void(std::string)> fail;  // tells the manager of the first failed write

  // A fast writer must not get from mark to mark between two looks at the volume.
  void note_allocated(std::uint64_t bytes) {
    allocated_unseen += bytes;
    if (allocated_unseen < limit::allocated_unseen) return;
    allocated_unseen = 0;
    ask_for_space();
  }
  void want_memory() {
    memory_wanted = true;
    journal->file_dirtied().wake_all();
  }
  // Segment files that may be open, of `descriptors` that the process may have.
  static std::size_t segment_files_most(std::uint64_t descriptors, core_id cores) {
    auto share = descriptors / limit::segment_files_share / cores;
    return std::clamp<std::uint64_t>(share, limit::segment_files_least, limit::segment_files_most);
  }
  bool failed() const { return !failure.empty(); }
  // Whether what had no descriptor is to be tried again: as long as it takes, but for a stop.
  bool worth_waiting(karst::errc code) const {
    return code == karst::errc::too_many_files && !failed() && core::current().now() < give_up_at;
  }
  // Woken when journal, tail memory or segment space has become free.
  waiters& room() const { return journal->room_made(); }
};

}  // namespace karst::log
