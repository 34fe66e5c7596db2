#pragma once

#include <coroutine>
#include <cstddef>
#include <functional>

#include "reactor/base/intrusive_list.h"

namespace karst {

// A coroutine that waits to be resumed. It lives in the awaiter, hence in the waiting coroutine's
// frame: making it ready allocates nothing.
struct ready_node : list_link {
  std::coroutine_handle<> handle;
};

// The ready queue of one core: first in, first out, unless a simulation picks. Used only on its
// core. A node that is made ready is resumed by a later run(), never inside make_ready():
// completions and wake-ups do not recurse.
class scheduler {
 public:
  // Chooses which of `ready` (at least 1) nodes runs next, 0 being the oldest. Simulations set it
  // to explore schedules from a seed.
  using picker = std::function<std::size_t(std::size_t ready)>;

  void make_ready(ready_node& node) {
    ready_.push_back(node);
    ++count_;
  }
  // For work that gives others a chance (yield.h): resumed by the run() after the one that is under
  // way, hence in the next turn, after the kernel's results and the other cores' messages of this
  // one were taken in.
  void make_ready_next_run(ready_node& node) {
    deferred_.push_back(node);
    ++deferred_count_;
  }
  bool idle() const { return ready_.empty() && deferred_.empty(); }
  void set_picker(picker pick) { pick_ = std::move(pick); }

  // Resumes the nodes that are ready now and those they make ready, at most `most` resumptions;
  // returns how many.
  std::size_t run(std::size_t most);

 private:
  intrusive_list<ready_node> ready_;
  intrusive_list<ready_node> deferred_;
  std::size_t count_ = 0;
  std::size_t deferred_count_ = 0;
  picker pick_;
};

}  // namespace karst
