#include "reactor/scheduler.h"

#include <utility>

namespace karst {

std::size_t scheduler::run(std::size_t most) {
  std::size_t resumed = 0;
  ready_.append(deferred_);
  count_ += std::exchange(deferred_count_, 0);
  while (resumed < most && !ready_.empty()) {
    auto* node = &ready_.front();
    if (pick_) node = ready_.at(pick_(count_));
    node->unlink();
    --count_;
    ++resumed;
    node->handle.resume();
  }
  return resumed;
}

}  // namespace karst
