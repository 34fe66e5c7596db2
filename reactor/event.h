#pragma once

#include "reactor/task.h"
#include "reactor/waiters.h"

namespace karst {

// Set once (or until reset); those who wait continue. One core only.
class event {
 public:
  bool is_set() const { return set_; }
  void set() {
    set_ = true;
    waiters_.wake_all();
  }
  void reset() { set_ = false; }
  // signalled when set; otherwise why the wait ended.
  task<wake_reason> wait(time_point deadline = never, abort_source* abort = nullptr) {
    while (!set_) {
      auto reason = co_await waiters_.wait(deadline, abort);
      if (reason != wake_reason::signalled) co_return reason;
    }
    co_return wake_reason::signalled;
  }

 private:
  bool set_ = false;
  waiters waiters_;
};

}  // namespace karst
