#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "log/types.h"

namespace karst::log {

// The sparse index of one segment from offset to file position (Kafka's .index: 8-byte entries,
// big-endian relative offset and position). An entry names the last offset of a batch and where
// that batch begins, about every index.interval.bytes. Derived data: rebuilt from the segment when
// in doubt, never trusted over it. Offsets and positions rise strictly. A value, in memory 8 bytes
// per entry; full() bounds it (segment.index.bytes), and the owner decides how many segments'
// indexes stay loaded.
class offset_index {
 public:
  static constexpr std::size_t entry_bytes = 8;

  explicit offset_index(offset segment_base) : base_(segment_base) {}
  // From a file's bytes. nullopt unless every entry rises, as a torn or foreign file would not; a
  // tail of zero bytes (Kafka preallocates) is left out.
  static std::optional<offset_index> decode(offset segment_base, std::span<std::byte const> file);

  // `last` is the last offset of the batch at `at`. An entry that does not rise, or whose relative
  // offset exceeds 2^31-1, is ignored.
  void append(offset last, position at);
  // Where to begin a forward scan for `target`: the batch of the largest entry not above it, else
  // the segment's start.
  position lookup(offset target) const;
  // Forgets entries at or above `end`.
  void truncate(offset end);

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  bool full(std::int64_t index_bytes) const {
    return static_cast<std::int64_t>((size() + 1) * entry_bytes) > index_bytes;
  }
  offset last_offset() const { return empty() ? base_ : base_ + entries_.back().relative; }
  position last_position() const { return {empty() ? 0 : entries_.back().at}; }
  // The file's bytes of the entries from `first` on: what a file that holds `first` entries lacks.
  std::vector<std::byte> encode(std::size_t first = 0) const;

 private:
  struct entry {
    std::uint32_t relative;
    std::uint32_t at;
  };

  offset base_;
  std::vector<entry> entries_;
};

}  // namespace karst::log
