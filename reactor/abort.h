#pragma once

#include "reactor/base/intrusive_list.h"

namespace karst {

struct abort_subscription : list_link {
  void (*notify)(abort_subscription&) = nullptr;  // makes something ready; resumes nothing
};

// A one-shot request to stop, seen by every wait that was given it. One core only. Outlives its
// subscriptions.
class abort_source {
 public:
  bool requested() const { return requested_; }
  void request() {
    requested_ = true;
    while (auto* subscription = subscriptions_.pop_front()) subscription->notify(*subscription);
  }
  void subscribe(abort_subscription& subscription) { subscriptions_.push_back(subscription); }

 private:
  bool requested_ = false;
  intrusive_list<abort_subscription> subscriptions_;
};

}  // namespace karst
