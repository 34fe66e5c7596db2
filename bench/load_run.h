#pragma once

#include <optional>

#include "bench/load_options.h"
#include "bench/tally.h"
#include "reactor/abort.h"
#include "reactor/base/expected.h"
#include "reactor/task.h"

namespace karst::bench {

// Processor time over the counted seconds.
struct cpu_use {
  std::optional<double> broker_seconds;  // none: no --broker-pid, or the process has ended
  double own_seconds = 0;
  double machine_seconds = 0;  // of everything that runs here
};

// One run of a load, shared by its connections: its times, the word that it is over, and what broke
// it. Whoever makes it has connected before. One core.
class load_run {
 public:
  load_run(load_options options, time_point start);

  load_options const& options() const { return options_; }
  load_times const& times() const { return times_; }
  // Requested at the end: what waits for answers or due times goes on then.
  abort_source& over() { return over_; }
  bool is_over() const { return over_.requested(); }

  // Lets the time pass: measures processor time over the counted seconds and ends the run.
  task<> keep_time();
  // Ends the run now, as a person asked.
  void stop();
  bool is_cut_short() const { return cut_short_; }
  // Ends the run now, because a load that has lost a connection measures something else. The first
  // failure is kept.
  void fail(error why);

  std::optional<error> const& failure() const { return failure_; }
  cpu_use const& cpu() const { return cpu_; }

 private:
  cpu_use sample_cpu() const;

  load_options options_;
  load_times times_;
  abort_source over_;
  bool cut_short_ = false;
  std::optional<error> failure_;
  cpu_use cpu_;
};

}  // namespace karst::bench
