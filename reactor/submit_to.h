#pragma once

#include <optional>
#include <type_traits>

#include "reactor/core.h"
#include "reactor/task.h"

namespace karst {

namespace internal {

template <typename T>
struct unwrap_task {
  using type = T;
};
template <typename T>
struct unwrap_task<task<T>> {
  using type = T;
};

// The request and its answer: one message that goes there and comes back; it lives in the caller's
// frame.
template <typename Function, typename Result>
struct remote_call : message {
  Function function;
  core_id home;
  ready_node node;
  std::conditional_t<std::is_void_v<Result>, bool, std::optional<Result>> result{};

  remote_call(Function&& work, core_id home_core) : function(std::move(work)), home(home_core) {}

  static task<> perform(remote_call& call) {
    if constexpr (std::is_void_v<Result>) {
      if constexpr (std::is_void_v<std::invoke_result_t<Function&>>) {
        call.function();
      } else {
        co_await call.function();
      }
    } else if constexpr (std::is_same_v<std::invoke_result_t<Function&>, Result>) {
      call.result.emplace(call.function());
    } else {
      call.result.emplace(co_await call.function());
    }
    call.receive = [](message& answer, core_id) {
      core::current().scheduler().make_ready(static_cast<remote_call&>(answer).node);
    };
    core::current().mail().send(core::current().id(), call.home, call);
    co_return;
  }
};

}  // namespace internal

// Runs `function` on core `target` and returns its result here: co_await submit_to(owner, [&] {
// return logs.append(...); }). It may return a value or a task. Calls from one core to another
// start in the order in which they were made, each running to its first suspension before the next
// starts. The function object stays in the caller's frame and is destroyed at home; what it refers
// to at home may be read, not written or counted, on the target. Results are values, snapshots, or
// foreign<T>. On the own core it runs at once.
template <typename Function>
auto submit_to(core_id target, Function function)
    -> task<typename internal::unwrap_task<std::invoke_result_t<Function&>>::type> {
  using result = typename internal::unwrap_task<std::invoke_result_t<Function&>>::type;
  auto& here = core::current();
  if (target == here.id()) {
    if constexpr (std::is_same_v<std::invoke_result_t<Function&>, result>) {
      co_return function();
    } else {
      co_return co_await function();
    }
  } else {
    using call_type = internal::remote_call<Function, result>;
    call_type call{std::move(function), here.id()};
    call.receive = [](message& request, core_id) {
      core::current().background().spawn(call_type::perform(static_cast<call_type&>(request)));
    };
    struct awaiter {
      call_type& call;
      core_id target;
      bool await_ready() { return false; }
      void await_suspend(std::coroutine_handle<> waiting) {
        call.node.handle = waiting;
        core::current().mail().send(call.home, target, call);
      }
      void await_resume() {}
    };
    co_await awaiter{call, target};
    if constexpr (!std::is_void_v<result>) co_return std::move(*call.result);
  }
}

}  // namespace karst
