#pragma once

#include <compare>
#include <cstdint>

#include "reactor/base/hash.h"

namespace karst::log {

// Distinct types, so that an offset is never taken for a position. `value` is public; arithmetic
// only where it means something.
struct offset {
  std::int64_t value = 0;
  auto operator<=>(offset const&) const = default;
  offset operator+(std::int64_t records) const { return {value + records}; }
  std::int64_t operator-(offset other) const { return value - other.value; }
};
inline constexpr offset no_offset{-1};

// Leader epoch; -1 is unknown.
struct leader_epoch {
  std::int32_t value = -1;
  auto operator<=>(leader_epoch const&) const = default;
};

// Byte position within one segment file.
struct position {
  std::uint64_t value = 0;
  auto operator<=>(position const&) const = default;
  position operator+(std::uint64_t bytes) const { return {value + bytes}; }
};

struct producer_id {
  std::int64_t value = -1;
  auto operator<=>(producer_id const&) const = default;
  std::size_t hash() const { return hash_bytes(&value, sizeof value); }
};

// Never reused in a log directory (STORAGE.md I-20).
struct log_id {
  std::uint64_t value = 0;
  auto operator<=>(log_id const&) const = default;
  std::size_t hash() const { return hash_bytes(&value, sizeof value); }
};

// Rises when a log changes journal: another core owns it, or the number of cores changed.
struct generation {
  std::uint32_t value = 0;
  auto operator<=>(generation const&) const = default;
};

}  // namespace karst::log
