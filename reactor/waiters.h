#pragma once

#include <coroutine>

#include "reactor/abort.h"
#include "reactor/base/units.h"
#include "reactor/scheduler.h"
#include "reactor/timer_wheel.h"

namespace karst {

enum class wake_reason : std::uint8_t { signalled, timed_out, aborted };

inline constexpr time_point never = time_point::max();

// The queue that all waiting is made of: coroutines of one core that wait to be woken, each with an
// optional deadline and abort_source. wake_one and wake_all make them ready; they run later in the
// turn. The queue must outlive its waiters.
class waiters {
 public:
  class awaiter : list_link {
   public:
    awaiter(waiters& queue, time_point deadline, abort_source* abort)
        : queue_(queue), deadline_(deadline), abort_(abort) {}
    bool await_ready() {
      if (abort_ != nullptr && abort_->requested()) reason_ = wake_reason::aborted;
      return reason_ != wake_reason::signalled;
    }
    void await_suspend(std::coroutine_handle<> waiting);
    wake_reason await_resume() const { return reason_; }

   private:
    friend class waiters;
    friend class intrusive_list<awaiter>;
    struct deadline_timer : timer {
      awaiter* self;
    };
    struct abort_hook : abort_subscription {
      awaiter* self;
    };
    void wake(wake_reason reason);

    waiters& queue_;
    time_point deadline_;
    abort_source* abort_;
    wake_reason reason_ = wake_reason::signalled;
    ready_node node_;
    deadline_timer timer_;
    abort_hook abort_hook_;
  };

  bool empty() const { return queue_.empty(); }
  [[nodiscard]] awaiter wait(time_point deadline = never, abort_source* abort = nullptr) {
    return awaiter{*this, deadline, abort};
  }
  void wake_one() {
    if (auto* first = queue_.pop_front()) first->wake(wake_reason::signalled);
  }
  void wake_all() {
    while (!queue_.empty()) wake_one();
  }

 private:
  intrusive_list<awaiter> queue_;
};

// Waits for time only: co_await sleep_until(at, &abort).
class sleep_until {
 public:
  explicit sleep_until(time_point at, abort_source* abort = nullptr)
      : wait_(queue_.wait(at, abort)) {}
  bool await_ready() { return wait_.await_ready(); }
  void await_suspend(std::coroutine_handle<> waiting) { wait_.await_suspend(waiting); }
  wake_reason await_resume() const { return wait_.await_resume(); }

 private:
  waiters queue_;
  waiters::awaiter wait_;
};

}  // namespace karst
