#pragma once

#include <optional>
#include <utility>

#include "reactor/core.h"

namespace karst {

// A value made on one core and used on another that must be destroyed at home, because it counts
// references there (buffers of a log tail, open segments). Reading it elsewhere is fine; when the
// holder is destroyed the value travels home in the next flush.
template <typename T>
class foreign {
 public:
  foreign() = default;
  // On the home core.
  explicit foreign(T value) : box_(new box{std::move(value)}), home_(core::current().id()) {}
  foreign(foreign&& other) noexcept
      : box_(std::exchange(other.box_, nullptr)), home_(other.home_) {}
  foreign& operator=(foreign&& other) noexcept {
    if (this != &other) {
      release();
      box_ = std::exchange(other.box_, nullptr);
      home_ = other.home_;
    }
    return *this;
  }
  ~foreign() { release(); }

  explicit operator bool() const { return box_ != nullptr; }
  core_id home() const { return home_; }
  T const& operator*() const { return box_->value; }
  T const* operator->() const { return &box_->value; }

 private:
  struct box : message {
    T value;
    explicit box(T&& content) : value(std::move(content)) {}
  };
  void release() {
    if (box_ == nullptr) return;
    auto& here = core::current();
    if (here.id() == home_) {
      delete box_;
    } else {
      box_->receive = [](message& arrived, core_id) { delete static_cast<box*>(&arrived); };
      here.mail().send(here.id(), home_, *box_);
    }
    box_ = nullptr;
  }
  box* box_ = nullptr;
  core_id home_ = no_core;
};

}  // namespace karst
