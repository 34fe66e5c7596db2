#pragma once

#include <cstdint>
#include <span>

// The streaming state as a value, without an allocation per group.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

namespace karst::log {

// The hash that chains the groups of a journal: XXH3 of a group's entries and bodies, seeded with
// the hash of the group before it (STORAGE.md 2). A value, fed in order.
class group_hash {
 public:
  explicit group_hash(std::uint64_t previous_hash) {
    // A reset with a seed derives the secret only if the seed differs from the one that it finds in
    // the state: in fresh memory that is whatever lay there (xxhash.h, XXH3_INITSTATE).
    XXH3_INITSTATE(&state_);
    XXH3_64bits_reset_withSeed(&state_, previous_hash);
  }
  void add(std::span<std::byte const> bytes);
  std::uint64_t value() const { return XXH3_64bits_digest(&state_); }

 private:
  XXH3_state_t state_;
};

}  // namespace karst::log
