#include "cluster/placement.h"

#include "reactor/base/assert.h"

namespace karst::cluster {

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

void placement::release(core_id core) {
  KARST_ASSERT(core < partitions_.size() && partitions_[core] != 0, "core {}", core);
  --partitions_[core];
}

}  // namespace karst::cluster
