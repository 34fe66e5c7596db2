#pragma once

#include "reactor/task.h"
#include "reactor/waiters.h"

namespace karst {

// Tasks that run on their own until they are done. Their owner joins them before it goes. One core
// only. A spawned task costs no frame but its own.
class task_set {
 public:
  task_set() = default;
  task_set(task_set const&) = delete;
  task_set& operator=(task_set const&) = delete;
  ~task_set() { KARST_ASSERT(running_ == 0, "{} still running", running_); }

  // Starts the task at once, up to its first suspension.
  void spawn(task<> work);
  std::size_t running() const { return running_; }
  // Done when all have finished. No task may be spawned afterwards.
  task<> join();

 private:
  friend void internal::left(task_set& set);
  std::size_t running_ = 0;
  bool joined_ = false;
  waiters none_running_;
};

}  // namespace karst
