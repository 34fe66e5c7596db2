#pragma once

#include <coroutine>
#include <cstddef>
#include <functional>

#include "reactor/base/intrusive_list.h"

namespace karst {

// A coroutine that waits to be resumed. It lives in the awaiter, hence in the waiting coroutine's frame: making it ready allocates nothing.
struct ready_node : list_link {
  std::coroutine_handle<> handle;
};

// The ready queue of one core: first in, first out, unless a simulation picks. Used only on its core. A node that is made ready is
// resumed by a later run(), never inside make_ready(): completions and wake-ups do not recurse.
class scheduler {
 public:
  // Chooses which of `ready` (at least 1) nodes runs next, 0 being the oldest. Simulations set it to explore schedules from a seed.
  using picker = std::function<std::size_t(std::size_t ready)>;

  void make_ready(ready_node& node) {
    ready_.push_back(node);
    ++count_;
  }
  bool idle() const { return ready_.empty(); }
  void set_picker(picker pick) { pick_ = std::move(pick); }

  // Resumes the nodes that are ready now and those they make ready, at most `most` resumptions; returns how many.
  std::size_t run(std::size_t most);

 private:
  intrusive_list<ready_node> ready_;
  std::size_t count_ = 0;
  picker pick_;
};

}  // namespace karst
