#include "reactor/task_set.h"

#include "reactor/core.h"

namespace karst {

void internal::left(task_set& set) {
  if (--set.running_ == 0) set.none_running_.wake_all();
}

void task_set::spawn(task<> work) {
  KARST_ASSERT(!joined_ && work);
  ++running_;
  auto handle = std::exchange(work.handle_, {});
  handle.promise().set = this;
  handle.resume();
}

task<> task_set::join() {
  joined_ = true;
  while (running_ != 0) (void)co_await none_running_.wait();
}

}  // namespace karst
