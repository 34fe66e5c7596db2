#pragma once

#include "reactor/core.h"

namespace karst {

// Lets everything else on this core have its turn, I/O and messages included: co_await yield{}. For
// long computations, about every 100 us.
struct yield : ready_node {
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    handle = waiting;
    core::current().scheduler().make_ready_next_run(*this);
  }
  void await_resume() const {}
};

}  // namespace karst
