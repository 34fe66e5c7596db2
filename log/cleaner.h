#pragma once

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "log/compaction_pass.h"
#include "log/log_manager.h"
#include "reactor/abort.h"
#include "reactor/metrics.h"

namespace karst::log {

// The background work of one core in one directory that keeps the compacted logs compact (Kafka:
// LogCleaner, LogCleanerManager): looks for the dirtiest log, or one whose records wait too long,
// and compacts it; one at a time. A log in which something cannot be read, inflated or trusted is
// named in one line of the log, counted, and left alone until the next start; the others go on.
// Lives with its log_manager, on its core; run() ends soon after `stop` was requested.
class cleaner {
 public:
  struct surroundings {
    log_services* services = nullptr;
    std::function<std::vector<std::shared_ptr<disk_log>>()> logs;
    // A pass has come to its end: all of the log below cleaned_to() is clean, durably.
    std::function<void(disk_log const&)> cleaned;
  };
  cleaner(cleaner_options options, surroundings around, abort_source& stop);

  task<> run();

 private:
  struct choice {
    std::shared_ptr<disk_log> log;
    disk_log::dirt found;
  };
  struct counters {
    std::uint64_t passes = 0;
    std::uint64_t bytes_read = 0;
    std::uint64_t bytes_written = 0;
    std::uint64_t records_removed = 0;
    std::uint64_t records_without_key = 0;
    std::uint64_t uncleanable_logs = 0;
  };

  task<choice> choose();
  task<bool> clean(choice chosen);
  task<bool> pace(disk_log const& log, std::size_t bytes);
  void count(pass_counts const& done);
  void report(disk_log const& log, pass_counts const& done, offset from, offset to, duration took);
  void offer_metrics();

  cleaner_options options_;
  surroundings around_;
  abort_source& stop_;
  time_point paced_until_{};
  counters counters_;
  std::array<metric, 6> metrics_;
};

}  // namespace karst::log
