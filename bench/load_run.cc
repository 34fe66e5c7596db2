#include "bench/load_run.h"

#include "bench/process_cpu.h"
#include "reactor/core.h"

namespace karst::bench {

load_run::load_run(load_options options, time_point start) : options_(std::move(options)) {
  times_.start = start;
  times_.counted_from = times_.start + options_.warm_up;
  times_.end = times_.counted_from + options_.length;
}

cpu_use load_run::sample_cpu() const {
  cpu_use used{.own_seconds = own_cpu_seconds(), .machine_seconds = machine_cpu_seconds()};
  if (options_.broker_pid != 0) used.broker_seconds = cpu_seconds_of(options_.broker_pid);
  return used;
}

task<> load_run::keep_time() {
  (void)co_await sleep_until{times_.counted_from, &over_};
  auto before = sample_cpu();
  (void)co_await sleep_until{times_.end, &over_};
  auto after = sample_cpu();
  cpu_.own_seconds = after.own_seconds - before.own_seconds;
  cpu_.machine_seconds = after.machine_seconds - before.machine_seconds;
  if (before.broker_seconds && after.broker_seconds) {
    cpu_.broker_seconds = *after.broker_seconds - *before.broker_seconds;
  }
  over_.request();
}

void load_run::stop() {
  if (is_over()) return;
  cut_short_ = true;
  times_.end = std::min(times_.end, core::current().clock().now());
  over_.request();
}

void load_run::fail(error why) {
  if (is_over()) return;
  failure_ = std::move(why);
  stop();
}

}  // namespace karst::bench
