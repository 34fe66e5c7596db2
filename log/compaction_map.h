#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "log/types.h"

namespace karst::log {

// The newest offset of each key in the uncompacted part of a log (Kafka: SkimpyOffsetMap). Keys are
// kept as 128 bits of hash, 24 bytes an entry with the offset: two different keys would be taken
// for one with a chance of 2^-64 among four billion keys, and the seed changes with every map, so
// that nobody can make keys that collide. Bounded: put() says when there is no room for one more
// key, and what lies behind latest() is then left for the next pass. The memory is mapped as it is
// touched and goes back with the map. A value without I/O; one core.
class compaction_map {
 public:
  static constexpr std::size_t entry_bytes = 24;

  // For up to `keys` keys, but in no more than `most_bytes` of memory.
  compaction_map(std::uint64_t keys, std::size_t most_bytes, std::uint64_t seed);

  // False: it is full and does not have the key. Offsets come in rising order.
  bool put(std::span<std::byte const> key, offset at);
  // no_offset for a key that it does not have.
  offset find(std::span<std::byte const> key) const;

  // All records up to this one were looked at; no_offset at first.
  offset latest() const { return latest_; }
  void looked_at(offset at) { latest_ = std::max(latest_, at); }

  std::size_t size() const { return size_; }
  // Keys that it holds at most: nine tenths of its places, as Kafka's.
  std::size_t capacity() const { return capacity_; }

 private:
  struct entry {
    std::uint64_t low;
    std::uint64_t high;
    std::int64_t next;  // one more than the offset; 0: free
  };
  static_assert(sizeof(entry) == entry_bytes);
  struct release {
    void operator()(entry* memory) const { std::free(memory); }
  };
  entry& place_of(std::span<std::byte const> key, entry& wanted) const;

  std::uint64_t seed_;
  std::size_t places_;
  std::size_t capacity_;
  std::unique_ptr<entry[], release> entries_;
  std::size_t size_ = 0;
  offset latest_ = no_offset;
};

}  // namespace karst::log
