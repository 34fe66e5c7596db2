#include "reactor/slab.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "reactor/core.h"

namespace karst {
namespace {

// Wholly free chunks that keep their pages, so that a steady load does not map and fault the same
// memory again and again: answers of a megabyte to sixteen readers.
constexpr std::size_t warm_chunks = 16;

std::byte* map_memory(std::size_t bytes) {
  auto* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<std::byte*>(memory);
}

core_id home_core() {
  auto* here = core::current_or_null();
  return here == nullptr ? no_core : here->id();
}

}  // namespace

struct slab::chunk {
  slab* owner = nullptr;
  std::byte* memory = nullptr;
  std::size_t size_class = 0;
  std::size_t used = 0;
  bool listed = false;  // in with_room_
  block* free = nullptr;
  std::vector<block> blocks;

  ~chunk() {
    if (memory != nullptr) munmap(memory, chunk_size);
  }
  void divide(std::size_t into_class) {
    size_class = into_class;
    auto size = smallest << into_class;
    blocks = std::vector<block>(chunk_size / size);
    free = nullptr;
    for (auto index = blocks.size(); index-- != 0;) {
      auto& made = blocks[index];
      made.data = memory + index * size;
      made.capacity = static_cast<std::uint32_t>(size);
      made.release = release_block;
      made.owner = this;
      made.next_free = free;
      free = &made;
    }
  }
};

// A block with a mapping of its own.
struct large_block : buffer_block {
  slab* owner = nullptr;
  std::size_t mapped = 0;
};

slab::slab(std::size_t budget_bytes) : budget_(budget_bytes) {}

slab::~slab() { KARST_ASSERT(used_ == 0, "{} bytes are still in use", used_); }

std::size_t slab::cost(std::size_t bytes) {
  if (bytes > chunk_size) return align_up(bytes, smallest);
  return std::max(std::bit_ceil(bytes), smallest);
}

buffer slab::take(std::size_t bytes) {
  auto charged = cost(bytes);
  if (bytes == 0 || charged > budget_ - std::min(used_, budget_)) return {};
  if (bytes > chunk_size) return take_large(bytes);
  auto size_class = static_cast<std::size_t>(std::countr_zero(charged / smallest));
  auto* source = chunk_for(size_class);
  if (source == nullptr) return {};
  auto* taken = std::exchange(source->free, source->free->next_free);
  ++source->used;
  if (source->free == nullptr) {
    std::erase(with_room_[size_class], source);
    source->listed = false;
  }
  used_ += charged;
  taken->home = home_core();
  return buffer{*taken, taken->data, bytes};
}

buffer slab::take_large(std::size_t bytes) {
  KARST_ASSERT(bytes <= UINT32_MAX, "{}", bytes);
  auto mapped = cost(bytes);
  auto* memory = map_memory(mapped);
  if (memory == nullptr) return {};
  auto* made = new large_block;
  made->data = memory;
  made->capacity = static_cast<std::uint32_t>(mapped);
  made->home = home_core();
  made->release = release_large;
  made->owner = this;
  made->mapped = mapped;
  used_ += mapped;
  return buffer{*made, memory, bytes};
}

// A chunk with a free block of the class: one that has room, a spare one, or a new one.
slab::chunk* slab::chunk_for(std::size_t size_class) {
  auto& candidates = with_room_[size_class];
  if (!candidates.empty()) return candidates.back();
  chunk* found = nullptr;
  if (!spare_.empty()) {
    found = spare_.back();
    spare_.pop_back();
  } else {
    auto made = std::make_unique<chunk>();
    made->owner = this;
    made->memory = map_memory(chunk_size);
    if (made->memory == nullptr) return nullptr;
    found = made.get();
    chunks_.push_back(std::move(made));
  }
  found->divide(size_class);
  found->listed = true;
  candidates.push_back(found);
  return found;
}

void slab::release_block(buffer_block& freed) {
  auto& home = static_cast<block&>(freed);
  auto& from = *home.owner;
  auto& owner = *from.owner;
  home.next_free = std::exchange(from.free, &home);
  --from.used;
  if (!from.listed) {
    from.listed = true;
    owner.with_room_[from.size_class].push_back(&from);
  }
  auto bytes = std::size_t{home.capacity};
  // One empty chunk stays with its class, because the next take is likely of the same size.
  if (from.used == 0 && owner.with_room_[from.size_class].size() > 1) owner.retire(from);
  owner.came_home(bytes);
}

void slab::retire(chunk& empty) {
  std::erase(with_room_[empty.size_class], &empty);
  empty.listed = false;
  if (spare_.size() >= warm_chunks) madvise(empty.memory, chunk_size, MADV_DONTNEED);
  spare_.insert(spare_.begin(), &empty);
}

void slab::release_large(buffer_block& freed) {
  auto& home = static_cast<large_block&>(freed);
  auto& owner = *home.owner;
  auto bytes = home.mapped;
  munmap(home.data, bytes);
  delete &home;
  owner.came_home(bytes);
}

void slab::came_home(std::size_t bytes) {
  used_ -= bytes;
  freed_.wake_all();
}

}  // namespace karst
