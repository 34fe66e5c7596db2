#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "reactor/base/assert.h"

namespace karst {

using core_id = std::uint16_t;
inline constexpr core_id no_core = 0xffff;

// A counted piece of memory of one core. Whoever makes blocks (slab, receive ring, log tail)
// derives from it, and gets it back in `release` when the last buffer over it is gone. The count is
// plain: a block is shared and released on its home core only; another core may read the bytes
// while someone at home keeps a buffer alive (see foreign.h).
struct buffer_block {
  std::byte* data = nullptr;
  std::uint32_t capacity = 0;
  std::uint32_t references = 0;
  core_id home = no_core;
  void (*release)(buffer_block&) = nullptr;
};

// A view of a block that keeps it alive. Moving is free; share() counts. The bytes are written only
// by whoever made the block.
class buffer {
 public:
  buffer() = default;
  // Takes one more reference on the block.
  buffer(buffer_block& block, std::byte* begin, std::size_t size)
      : block_(&block), begin_(begin), size_(static_cast<std::uint32_t>(size)) {
    ++block.references;
  }
  buffer(buffer&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        begin_(std::exchange(other.begin_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    if (this != &other) {
      reset();
      block_ = std::exchange(other.block_, nullptr);
      begin_ = std::exchange(other.begin_, nullptr);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  ~buffer() { reset(); }

  // A heap block of exactly `size` bytes, uninitialised: for small or rare things (headers,
  // answers). Big ones come from slab.h.
  static buffer allocate(std::size_t size);
  static buffer copy_of(std::span<std::byte const> bytes);

  std::byte* data() { return begin_; }
  std::byte const* data() const { return begin_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<std::byte const> bytes() const { return {begin_, size_}; }

  buffer share() const { return block_ ? buffer{*block_, begin_, size_} : buffer{}; }
  buffer slice(std::size_t position, std::size_t size) const {
    KARST_ASSERT(position <= size_ && size <= size_ - position, "{}+{} of {}", position, size,
                 size_);
    return block_ ? buffer{*block_, begin_ + position, size} : buffer{};
  }
  void trim_front(std::size_t bytes) {
    KARST_ASSERT(bytes <= size_);
    begin_ += bytes;
    size_ -= static_cast<std::uint32_t>(bytes);
  }
  void trim_to(std::size_t size) {
    KARST_ASSERT(size <= size_);
    size_ = static_cast<std::uint32_t>(size);
  }

 private:
  void reset() {
    if (block_ != nullptr && --block_->references == 0) block_->release(*block_);
    block_ = nullptr;
  }
  buffer_block* block_ = nullptr;
  std::byte* begin_ = nullptr;
  std::uint32_t size_ = 0;
};

}  // namespace karst
