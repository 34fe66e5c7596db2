#include "bench/arrivals.h"

#include <algorithm>

namespace karst::bench {

void arrivals::change(time_point due, std::int64_t records) {
  auto const key = std::int64_t{due.time_since_epoch().count()};
  auto& left = left_[key];
  on_their_way_ -= static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0));
  left += records;
  on_their_way_ += static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0));
  if (left == 0) left_.erase(key);
}

void arrivals::written(time_point due, std::uint64_t records) {
  change(due, static_cast<std::int64_t>(records * subscriptions_));
}

void arrivals::given_up(time_point due, std::uint64_t records) {
  given_up_.emplace_back(due, records * subscriptions_);
}

void arrivals::settle(tally& counts, time_point now) {
  for (auto const& [due, left] : left_) {
    for (auto i = left; i > 0; --i) counts.missing(time_point{duration{due}}, now);
  }
  for (auto const& [due, records] : given_up_) {
    auto const known = left_.find(std::int64_t{due.time_since_epoch().count()});
    auto const came = known == left_.end() ? 0 : std::max<std::int64_t>(-known->second, 0);
    for (auto i = came; std::cmp_less(i, records); ++i) counts.unanswered(due, now);
  }
}

}  // namespace karst::bench
