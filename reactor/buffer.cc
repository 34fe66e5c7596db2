#include "reactor/buffer.h"

#include <cstring>
#include <new>

namespace karst {
namespace {

void release_heap_block(buffer_block& block) {
  block.~buffer_block();
  ::operator delete(&block);
}

}  // namespace

buffer buffer::allocate(std::size_t size) {
  KARST_ASSERT(size <= UINT32_MAX, "{}", size);
  auto* memory = static_cast<std::byte*>(::operator new(sizeof(buffer_block) + size));
  auto* block = new (memory) buffer_block{.data = memory + sizeof(buffer_block),
                                          .capacity = static_cast<std::uint32_t>(size),
                                          .release = release_heap_block};
  return buffer{*block, block->data, size};
}

buffer buffer::copy_of(std::span<std::byte const> bytes) {
  auto copy = allocate(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
  return copy;
}

}  // namespace karst
