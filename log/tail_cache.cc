#include "log/tail_cache.h"

#include <new>

#include "log/tail.h"
#include "reactor/populate.h"

namespace karst::log {
namespace {

// Fresh memory costs a page fault per 4 KiB; this much stays mapped for the next burst.
constexpr std::size_t kept_most = 16 * MiB;
// Chunks from this size on get their pages by a call for so many bytes at a time: all at once, p99
// of 64 KB batches was 5.9 ms instead of 3.8.
constexpr std::size_t populated_from = 256 * KiB;
constexpr std::size_t populated_at_once = 64 * KiB;

void destroy(tail_chunk* chunk) {
  ::operator delete(chunk->data, std::align_val_t{block_size});
  delete chunk;
}

}  // namespace

void tail_chunk::get_pages(std::size_t end) {
  auto const until = std::min<std::size_t>(align_up(end, populated_at_once), capacity);
  populate(data + populated, until - populated);
  populated = static_cast<std::uint32_t>(until);
}

std::size_t tail_cache::class_for(std::size_t bytes) {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (bytes <= sizes[i]) return i;
  }
  return sizes.size() - 1;
}

tail_cache::~tail_cache() {
  for (auto& list : free_) {
    for (auto* chunk : list) destroy(chunk);
  }
}

void tail_cache::abandon() {
  abandoned_ = true;
  if (used_ == 0) delete this;
}

tail_chunk* tail_cache::allocate(std::size_t size_class) {
  auto const bytes = sizes[size_class];
  while (used_ + bytes > most_ && !order_.empty()) {
    auto& oldest = order_.front();
    oldest.owner->drop(oldest);
  }
  if (used_ + bytes > most_ && used_ != 0) return nullptr;
  used_ += bytes;
  auto& list = free_[size_class];
  if (!list.empty()) {
    auto* chunk = list.back();
    list.pop_back();
    kept_ -= bytes;
    return chunk;
  }
  auto* chunk = new tail_chunk;
  chunk->data = static_cast<std::byte*>(::operator new(bytes, std::align_val_t{block_size}));
  // Logs that take so much at once fill it soon.
  chunk->populated = bytes >= populated_from ? 0 : static_cast<std::uint32_t>(bytes);
  chunk->capacity = static_cast<std::uint32_t>(bytes);
  chunk->release = released;
  chunk->cache = this;
  chunk->size_class = size_class;
  return chunk;
}

void tail_cache::make_evictable(tail_chunk& chunk, tail& holder) {
  if (chunk.linked()) return;
  chunk.owner = &holder;
  order_.push_back(chunk);
  evictable_ += chunk.capacity;
}

void tail_cache::forget(tail_chunk& chunk) {
  if (!chunk.linked()) return;
  chunk.unlink();
  chunk.owner = nullptr;
  evictable_ -= chunk.capacity;
}

void tail_cache::released(buffer_block& block) {
  auto& chunk = static_cast<tail_chunk&>(block);
  chunk.cache->take_back(chunk);
}

void tail_cache::take_back(tail_chunk& chunk) {
  KARST_ASSERT(!chunk.linked());
  used_ -= chunk.capacity;
  if (kept_ + chunk.capacity <= kept_most && !abandoned_) {
    kept_ += chunk.capacity;
    free_[chunk.size_class].push_back(&chunk);
  } else {
    destroy(&chunk);
  }
  if (abandoned_ && used_ == 0) delete this;
}

}  // namespace karst::log
