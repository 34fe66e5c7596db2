#pragma once

#include <cstddef>
#include <vector>

#include "reactor/buffer.h"

namespace karst::cluster {

// Which core a new or recovered partition goes to: the one with the fewest, the lowest of equals
// (hashing would put 8 partitions 6:2 or worse on 2 cores 29 % of the time). Lives on core 0; the
// outcome is published in the metadata snapshot. No I/O.
class placement {
 public:
  explicit placement(core_id cores) : partitions_(cores, 0) {}

  // Chooses a core and counts the partition there.
  core_id place();
  // Keeps a recovered partition where it was unless that core is gone or already holds `most`.
  core_id place_near(core_id last, std::size_t most);
  void release(core_id core);
  std::size_t load(core_id core) const { return partitions_[core]; }
  // How many more partitions may be placed: each core's journal must hold a state entry of each of
  // its logs (STORAGE.md 3).
  std::int64_t room() const;

 private:
  std::vector<std::size_t> partitions_;
};

}  // namespace karst::cluster
