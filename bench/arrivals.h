#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "bench/tally.h"
#include "reactor/base/hash.h"

namespace karst::bench {

// Which records of an end-to-end load are on their way to the subscriptions: so that one that comes
// late, or never, counts as at least so late, whatever the broker did meanwhile (no coordinated
// omission). A record is known by when its request was due. One core.
class arrivals {
 public:
  explicit arrivals(std::uint64_t subscriptions) : subscriptions_(subscriptions) {}

  // The records of a request that was answered, or sent where nothing is answered.
  void written(time_point due, std::uint64_t records);
  // Those of one that was due and not sent or not answered: they may come all the same.
  void given_up(time_point due, std::uint64_t records);
  void arrived(time_point due) { change(due, -1); }

  // Written, and not arrived.
  std::uint64_t on_their_way() const { return on_their_way_; }
  // Nothing comes any more.
  void settle(tally& counts, time_point now);

 private:
  void change(time_point due, std::int64_t records);

  std::uint64_t subscriptions_;
  // By when they were due: written less arrived, for an arrival may be seen before the answer.
  hash_map<std::int64_t, std::int64_t> left_;
  std::uint64_t on_their_way_ = 0;
  std::vector<std::pair<time_point, std::uint64_t>> given_up_;
};

}  // namespace karst::bench
