#pragma once

#include "reactor/submit_to.h"
#include "reactor/task_set.h"

namespace karst::cluster {

// Awaits `work` and puts what it returned where the caller looks.
template <typename T>
task<> store_outcome(task<T> work, T& outcome) {
  outcome = co_await std::move(work);
}

namespace internal {
template <typename Work>
task<> work_on(core_id core, Work& work) {
  co_await submit_to(core, [&work, core] { return work(core); });
}
}  // namespace internal

// Runs work(core) on every core below `cores`, at once, and is done when all are. `work` returns a
// value-less task or nothing; it and what it refers to live in the caller's frame, and each core
// writes only its own part of that.
template <typename Work>
task<> on_every_core(core_id cores, Work work) {
  task_set running;
  for (core_id core = 0; core < cores; ++core) running.spawn(internal::work_on(core, work));
  co_await running.join();
}

}  // namespace karst::cluster
