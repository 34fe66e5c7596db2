#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "bench/load_options.h"
#include "log/batch_builder.h"
#include "reactor/base/expected.h"

namespace karst::bench {

// What the value of each record of an end-to-end load begins with: which load it is of, so that
// others may use the topic too, and when it was due. Both ends are in one process, so the clock is
// the monotonic one.
struct stamp {
  std::uint64_t load = 0;
  time_point due{};
};
inline constexpr std::size_t stamp_bytes = 16;

// Builds batches whose records all have the stamp of their request: each anew, since no CRC and no
// codec would survive another stamp. A value on one core.
class stamped_batches {
 public:
  // The options outlive it; values have room for a stamp.
  stamped_batches(load_options const& options, std::uint64_t load);
  buffer build(time_point due);

 private:
  load_options const& options_;
  std::uint64_t load_;
  std::vector<std::string> values_;  // in turn
  std::uint64_t number_ = 0;         // of the next record
  log::batch_builder builder_;
};

// Calls visit(due, bytes of the value) for each record of this load in a whole Fetch answer of
// version 11, its length included. The error: what is in the answer is no records.
expected<void, std::string> visit_stamps(
    std::span<std::byte const> answer, std::uint64_t load,
    std::function<void(time_point due, std::size_t bytes)> const& visit);

}  // namespace karst::bench
