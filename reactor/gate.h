#pragma once

#include <cstddef>

#include "reactor/base/assert.h"
#include "reactor/task.h"
#include "reactor/waiters.h"

namespace karst {

// Counts who is inside an object, so that it can be closed when all have left (after Seastar's
// gate). One core only.
class gate {
 public:
  class holder {
   public:
    explicit holder(gate& owner) : owner_(&owner) { ++owner.inside_; }
    holder(holder&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
    holder& operator=(holder&&) = delete;
    ~holder() {
      if (owner_ != nullptr) owner_->leave();
    }

   private:
    gate* owner_;
  };

  ~gate() { KARST_ASSERT(inside_ == 0, "{} still inside", inside_); }
  bool closed() const { return closed_; }
  std::size_t inside() const { return inside_; }
  // The caller has checked closed().
  [[nodiscard]] holder enter() {
    KARST_ASSERT(!closed_);
    return holder{*this};
  }
  // Lets nobody in any more; done when the last has left.
  task<> close() {
    closed_ = true;
    while (inside_ != 0) (void)co_await left_.wait();
  }

 private:
  void leave() {
    if (--inside_ == 0) left_.wake_all();
  }
  std::size_t inside_ = 0;
  bool closed_ = false;
  waiters left_;
};

}  // namespace karst
