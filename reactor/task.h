#pragma once

#include <coroutine>
#include <optional>
#include <utility>

#include "reactor/base/assert.h"
#include "reactor/frame_pool.h"

namespace karst {

template <typename T = void>
class task;
class task_set;

namespace internal {

// A task of `set` has ended, and its frame is gone.
void left(task_set& set);

struct promise_base {
  std::coroutine_handle<> continuation;
  task_set* set = nullptr;  // runs on its own: nobody awaits it, and it destroys its frame itself

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* frame, std::size_t size) { free_frame(frame, size); }

  std::suspend_always initial_suspend() noexcept { return {}; }
  // Symmetric transfer: the awaiting coroutine continues at once, without growing the stack.
  struct final_awaiter {
    bool await_ready() noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) noexcept {
      if (auto* set = done.promise().set) {
        done.destroy();
        left(*set);
        return std::noop_coroutine();
      }
      auto next = done.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  final_awaiter final_suspend() noexcept { return {}; }
  // No exception is thrown on purpose; what a library throws is caught where it is called.
  void unhandled_exception() noexcept {
    assertion_failed("task.h", 0, "an exception left a coroutine", "");
  }
};

template <typename T>
struct promise : promise_base {
  std::optional<T> value;
  task<T> get_return_object();
  template <typename U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
  T take() { return std::move(*value); }
};

template <>
struct promise<void> : promise_base {
  task<void> get_return_object();
  void return_void() {}
  void take() {}
};

}  // namespace internal

// A lazy coroutine: it starts when awaited (or handed to a task_set), on the same core, and runs to
// its end: a task that has started is never destroyed before it is done, because operations and
// waiters live in its frame. To stop one, abort or close what it waits for, then await it.
// Parameters are copied into the frame; references and views must outlive the task, so a lambda
// that captures must not be a coroutine itself (the captures die with the lambda): pass what it
// needs as parameters.
template <typename T>
class [[nodiscard]] task {
 public:
  using promise_type = internal::promise<T>;
  using value_type = T;

  task() = default;
  explicit task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      destroy();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  ~task() { destroy(); }

  explicit operator bool() const { return static_cast<bool>(handle_); }

  auto operator co_await() && noexcept {
    struct awaiter {
      std::coroutine_handle<promise_type> handle;
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) noexcept {
        handle.promise().continuation = waiting;
        return handle;
      }
      T await_resume() { return handle.promise().take(); }
    };
    KARST_ASSERT(handle_);
    return awaiter{handle_};
  }

 private:
  friend class task_set;
  void destroy() {
    if (handle_) handle_.destroy();
  }
  std::coroutine_handle<promise_type> handle_;
};

namespace internal {
template <typename T>
task<T> promise<T>::get_return_object() {
  return task<T>{std::coroutine_handle<promise>::from_promise(*this)};
}
inline task<void> promise<void>::get_return_object() {
  return task<void>{std::coroutine_handle<promise>::from_promise(*this)};
}
}  // namespace internal

}  // namespace karst
