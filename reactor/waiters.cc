#include "reactor/waiters.h"

#include "reactor/core.h"

namespace karst {

void waiters::awaiter::await_suspend(std::coroutine_handle<> waiting) {
  node_.handle = waiting;
  queue_.queue_.push_back(*this);
  if (deadline_ != never) {
    timer_.self = this;
    timer_.fire = [](timer& fired) {
      static_cast<deadline_timer&>(fired).self->wake(wake_reason::timed_out);
    };
    core::current().timers().arm(timer_, deadline_);
  }
  if (abort_ != nullptr) {
    abort_hook_.self = this;
    abort_hook_.notify = [](abort_subscription& hook) {
      static_cast<abort_hook&>(hook).self->wake(wake_reason::aborted);
    };
    abort_->subscribe(abort_hook_);
  }
}

void waiters::awaiter::wake(wake_reason reason) {
  unlink();
  timer_.disarm();
  abort_hook_.unlink();
  reason_ = reason;
  core::current().scheduler().make_ready(node_);
}

}  // namespace karst
