#pragma once

#include <cstddef>

#include "reactor/base/assert.h"
#include "reactor/task.h"
#include "reactor/waiters.h"

namespace karst {

// Counted units of a budget (bytes, slots), given first come first served: a large request at the
// front is not starved by small ones. One core only.
class semaphore {
 public:
  explicit semaphore(std::size_t units) : free_(units) {}
  std::size_t free() const { return free_; }
  bool contended() const { return !turn_.empty(); }

  // Takes units at once or not at all; never overtakes one who waits.
  bool try_take(std::size_t units) {
    if (units > free_ || !turn_.empty()) return false;
    free_ -= units;
    return true;
  }
  // signalled: the units are taken. Otherwise none are.
  task<wake_reason> take(std::size_t units, time_point deadline = never,
                         abort_source* abort = nullptr) {
    if (try_take(units)) co_return wake_reason::signalled;
    request waiting{.units = units};
    turn_.push_back(waiting);
    auto reason = co_await waiting.granted.wait(deadline, abort);
    if (reason != wake_reason::signalled && !waiting.linked()) {
      // Granted in the same turn in which the wait ended: give it back.
      give(units);
    } else if (reason != wake_reason::signalled) {
      waiting.unlink();
      grant();
    }
    co_return reason;
  }
  void give(std::size_t units) {
    free_ += units;
    grant();
  }

 private:
  struct request : list_link {
    std::size_t units = 0;
    waiters granted;
  };
  void grant() {
    while (!turn_.empty() && turn_.front().units <= free_) {
      auto* next = turn_.pop_front();
      free_ -= next->units;
      next->granted.wake_one();
    }
  }

  std::size_t free_;
  intrusive_list<request> turn_;
};

}  // namespace karst
