#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "reactor/base/intrusive_list.h"
#include "reactor/base/units.h"
#include "reactor/buffer.h"

namespace karst::log {

class tail;
class tail_cache;

// A piece of tail memory: 4,096-aligned, of one of five sizes. Counted, so that readers and journal
// writes share it; goes back to its cache when the last of them is done.
struct tail_chunk : buffer_block, list_link {
  tail_cache* cache = nullptr;
  tail* owner = nullptr;  // while it may be evicted
  std::size_t size_class = 0;
  std::uint32_t populated = 0;  // bytes that have pages; of small chunks all, by faults

  // The bytes before `end` are about to be written.
  void expect_writes(std::size_t end) {
    if (end > populated) get_pages(end);
  }

 private:
  void get_pages(std::size_t end);
};

// The tail memory of one core's logs in one directory: sizes 4, 16, 64, 256 KiB and 1 MiB. Two
// bounds: what is not yet in the segments may take all of `most`; what is already there stays as a
// cache for readers until the memory is needed, and is given up oldest first. Lives on its core and
// outlives its chunks: destroy() waits for the last one.
class tail_cache {
 public:
  static constexpr std::array<std::size_t, 5> sizes{4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB, MiB};
  static std::size_t class_for(std::size_t bytes);

  // Deletes itself: readers may hold chunks when the last log is gone.
  struct release {
    void operator()(tail_cache* cache) const { cache->abandon(); }
  };
  using owner = std::unique_ptr<tail_cache, release>;
  static owner make(std::size_t most) { return owner{new tail_cache{most}}; }

  // An empty buffer (nullptr block) when there is no room even after giving up cached chunks.
  tail_chunk* allocate(std::size_t size_class);
  // The chunk's bytes are in the segment: it may be given up from now on.
  void make_evictable(tail_chunk& chunk, tail& holder);
  // Few pieces of this size fill the memory; a larger one would be a large share of it.
  std::size_t largest_class() const { return largest_class_; }
  bool has_room(std::size_t bytes) const { return used_ - evictable_ + bytes <= most_; }
  std::size_t used_bytes() const { return used_; }
  // In use and not to be given up: what the journal window still needs.
  std::size_t pinned_bytes() const { return used_ - evictable_; }

 private:
  friend class tail;
  explicit tail_cache(std::size_t most) : most_(most) {
    while (largest_class_ != 0 && sizes[largest_class_] > most / 16) --largest_class_;
  }
  ~tail_cache();
  void abandon();
  void forget(tail_chunk& chunk);  // no longer evictable: its tail drops it
  void take_back(tail_chunk& chunk);
  static void released(buffer_block& block);

  std::size_t most_;
  std::size_t largest_class_ = sizes.size() - 1;
  std::size_t used_ = 0;       // chunks held by anyone
  std::size_t evictable_ = 0;  // of these, what tails would give up
  std::size_t kept_ = 0;       // free memory kept for reuse
  bool abandoned_ = false;
  intrusive_list<tail_chunk> order_;  // evictable, oldest first
  std::array<std::vector<tail_chunk*>, sizes.size()> free_;
};

}  // namespace karst::log
