#pragma once

#include <array>
#include <memory>
#include <vector>

#include "reactor/base/units.h"
#include "reactor/buffer.h"
#include "reactor/waiters.h"

namespace karst {

// Aligned memory of one core for what is larger than a message: log tails, bodies of large frames,
// slices of files on their way to a socket. Blocks are of 4 KiB to 1 MiB in powers of two, cut from
// chunks of 1 MiB; larger ones are mapped one by one. All are aligned to 4,096, mapped lazily, and
// counted against the budget at their full class size. A block lives until the last buffer over it
// is gone, on the core that took it. A chunk that is wholly free serves any class; beyond a few of
// them the memory goes back to the kernel.
class slab {
 public:
  explicit slab(std::size_t budget_bytes);
  ~slab();  // every block is back
  slab(slab const&) = delete;
  slab& operator=(slab const&) = delete;

  // A buffer of `bytes`, uninitialised; empty when the budget does not allow it now.
  buffer take(std::size_t bytes);
  // What take(bytes) counts against the budget.
  static std::size_t cost(std::size_t bytes);

  std::size_t budget() const { return budget_; }
  std::size_t used() const { return used_; }
  // Woken whenever a block comes back: look again then.
  waiters& freed() { return freed_; }

 private:
  static constexpr std::size_t smallest = 4 * KiB;
  static constexpr std::size_t chunk_size = MiB;
  static constexpr std::size_t classes = 9;
  struct chunk;
  struct block : buffer_block {
    chunk* owner = nullptr;
    block* next_free = nullptr;
  };

  static void release_block(buffer_block& freed);
  static void release_large(buffer_block& freed);
  buffer take_large(std::size_t bytes);
  chunk* chunk_for(std::size_t size_class);
  void came_home(std::size_t bytes);
  void retire(chunk& empty);

  std::size_t budget_;
  std::size_t used_ = 0;
  std::vector<std::unique_ptr<chunk>> chunks_;
  std::array<std::vector<chunk*>, classes> with_room_;  // chunks of a class that have a free block
  std::vector<chunk*> spare_;                           // chunks of no class
  waiters freed_;
};

}  // namespace karst
