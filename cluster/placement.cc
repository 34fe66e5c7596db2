#include "cluster/placement.h"

#include "reactor/base/assert.h"

namespace karst::cluster {
namespace {

// A state entry takes a few hundred bytes and up to a 4 KiB remainder: 10,000 of them fit in the
// one journal file of 64 MiB that is kept in reserve.
constexpr std::size_t partitions_per_core = 10'000;

}  // namespace

core_id placement::place() {
  auto least = std::ranges::min_element(partitions_);
  ++*least;
  return static_cast<core_id>(least - partitions_.begin());
}

core_id placement::place_near(core_id last, std::size_t most) {
  if (last >= partitions_.size() || partitions_[last] >= most) return place();
  ++partitions_[last];
  return last;
}

std::int64_t placement::room() const {
  std::int64_t room = 0;
  for (auto load : partitions_) {
    room += static_cast<std::int64_t>(partitions_per_core) - static_cast<std::int64_t>(load);
  }
  return std::max<std::int64_t>(room, 0);
}

void placement::release(core_id core) {
  KARST_ASSERT(core < partitions_.size() && partitions_[core] != 0, "core {}", core);
  --partitions_[core];
}

}  // namespace karst::cluster
