#pragma once

#include <coroutine>

#include "reactor/io/io.h"
#include "reactor/scheduler.h"

namespace karst {

// A single-shot operation to co_await: `ready_operation op; op.code = opcode::sync; op.fd = fd;
// auto result = co_await op;` Submitted when awaited; the coroutine is made ready by the result.
struct ready_operation : operation {
  ready_node node;
  io_result result;

  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<> waiting);
  io_result await_resume() { return std::move(result); }
};

}  // namespace karst
