#include "bench/timeline.h"

namespace karst::bench {

void timeline::close_seconds(time_point now) {
  auto over = static_cast<std::size_t>((now - start_) / 1s);
  while (seconds_.size() < over) {
    current_.p50 = latencies_.at(0.5);
    current_.p99 = latencies_.at(0.99);
    current_.most = latencies_.most();
    seconds_.push_back(current_);
    current_ = {};
    if (latencies_.count() != 0) latencies_.clear();
  }
}

}  // namespace karst::bench
