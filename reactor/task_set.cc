#include "reactor/task_set.h"

namespace karst {
namespace {

// Starts eagerly and destroys its own frame at the end.
struct detached {
  struct promise_type {
    static void* operator new(std::size_t size) { return allocate_frame(size); }
    static void operator delete(void* frame, std::size_t size) { free_frame(frame, size); }
    detached get_return_object() { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() noexcept {
      assertion_failed("task_set.cc", 0, "an exception left a coroutine", "");
    }
  };
};

detached run(task<> work, gate::holder) { co_await std::move(work); }

}  // namespace

void task_set::spawn(task<> work) { run(std::move(work), gate_.enter()); }

}  // namespace karst
