#include "reactor/ready_operation.h"

#include "reactor/core.h"

namespace karst {

void ready_operation::await_suspend(std::coroutine_handle<> waiting) {
  node.handle = waiting;
  complete = [](operation& op, io_result&& outcome) {
    auto& self = static_cast<ready_operation&>(op);
    self.result = std::move(outcome);
    core::current().scheduler().make_ready(self.node);
  };
  core::current().io().submit(*this);
}

}  // namespace karst
