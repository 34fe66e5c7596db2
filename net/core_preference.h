#pragma once

#include <algorithm>
#include <cstdint>

#include "reactor/buffer.h"

namespace karst::net {

// For which core the requests of one connection are, as its handlers note it. A request that
// another core answers costs two messages and often two wake-ups of a sleeping thread, so that a
// connection whose requests all are for one other core is better served there (ARCHITECTURE.md has
// what it measured). Plain state.
class core_preference {
 public:
  // `patience`: so many requests in a row before it is settled.
  explicit core_preference(std::uint32_t patience) : patience_(patience) {}

  // A request was for partitions of this core; no_core: of several.
  void note(core_id core) {
    auto same = core == core_ && core != no_core;
    streak_ = same ? std::min(streak_ + 1, patience_) : 1;
    core_ = core;
  }
  // no_core: none, or not yet.
  core_id settled() const { return streak_ >= patience_ ? core_ : no_core; }
  std::uint32_t patience() const { return patience_; }

 private:
  std::uint32_t patience_;
  std::uint32_t streak_ = 0;
  core_id core_ = no_core;
};

}  // namespace karst::net
