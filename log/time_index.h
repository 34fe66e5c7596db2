#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "log/types.h"
#include "reactor/base/units.h"

namespace karst::log {

// The sparse index of one segment from time to offset (Kafka's .timeindex: 12-byte entries,
// big-endian timestamp and relative offset). An entry says: no record up to and including this
// offset is newer than this timestamp. Both rise strictly. Derived data like offset_index, and
// bounded in the same way.
class time_index {
 public:
  static constexpr std::size_t entry_bytes = 12;

  struct entry {
    wall_ms timestamp;
    offset at;
    bool operator==(entry const&) const = default;
  };

  explicit time_index(offset segment_base) : base_(segment_base) {}
  // As offset_index::decode.
  static std::optional<time_index> decode(offset segment_base, std::span<std::byte const> file);

  // The largest timestamp so far and the last offset of the batch that holds it. Ignored unless
  // both rise.
  void append(wall_ms timestamp, offset at);
  // Where to begin a forward scan for the first record at or after `timestamp`: the largest entry
  // below it, else the segment's base offset. (An entry equal to it may have earlier records of the
  // same time before it.)
  offset lookup(wall_ms timestamp) const;
  // Forgets entries at or above `end`.
  void truncate(offset end);

  std::size_t size() const { return stored_.size(); }
  bool empty() const { return stored_.empty(); }
  bool full(std::int64_t index_bytes) const {
    return static_cast<std::int64_t>((size() + 1) * entry_bytes) > index_bytes;
  }
  // The largest timestamp; -1 when empty.
  entry last() const;
  std::vector<std::byte> encode(std::size_t first = 0) const;

 private:
  struct stored {
    wall_ms timestamp;
    std::uint32_t relative;
  };

  offset base_;
  std::vector<stored> stored_;
};

}  // namespace karst::log
