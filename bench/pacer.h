#pragma once

#include <memory>
#include <vector>

#include "reactor/abort.h"
#include "reactor/base/expected.h"
#include "reactor/task_set.h"
#include "reactor/waiters.h"

namespace karst::bench {

// Wakes coroutines of one core at times exact to some tens of microseconds, as an open-loop load
// needs it: the core's own timers have ticks of 1 ms, which would send in lumps and be measured as
// latency. One timerfd(2) for all that wait. close() before it goes; nobody waits then.
class pacer {
 public:
  // The error: the kernel gave no timer.
  static expected<std::unique_ptr<pacer>, error> make();
  ~pacer();

  // Returns at `at`, or earlier when aborted.
  task<> wait_until(time_point at, abort_source& abort);
  task<> close();

 private:
  struct sleeper {
    time_point at;
    waiters* woken = nullptr;
  };

  explicit pacer(int timer) : timer_(timer) {}
  task<> run();
  void arm(time_point at);
  void wake_those_due(time_point now);

  int timer_;
  std::vector<sleeper> sleepers_;  // a heap, the earliest in front
  time_point armed_ = never;
  bool closing_ = false;
  waiters changed_;
  task_set tasks_;
};

}  // namespace karst::bench
