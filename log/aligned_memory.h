#pragma once

#include <cstring>
#include <memory>
#include <new>
#include <span>

#include "reactor/base/units.h"

namespace karst::log {

// Memory for direct I/O: aligned to 4,096, its size a multiple of it. Not zeroed unless asked for.
class aligned_memory {
 public:
  aligned_memory() = default;
  explicit aligned_memory(std::size_t bytes)
      : size_(align_up(bytes, block_size)),
        bytes_(static_cast<std::byte*>(::operator new(size_, std::align_val_t{block_size}))) {}
  static aligned_memory zeroed(std::size_t bytes) {
    aligned_memory made{bytes};
    std::memset(made.data(), 0, made.size());
    return made;
  }

  std::byte* data() { return bytes_.get(); }
  std::byte const* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  std::span<std::byte> bytes() { return {bytes_.get(), size_}; }
  std::span<std::byte const> bytes() const { return {bytes_.get(), size_}; }

 private:
  struct release {
    void operator()(std::byte* memory) const {
      ::operator delete(memory, std::align_val_t{block_size});
    }
  };
  std::size_t size_ = 0;
  std::unique_ptr<std::byte, release> bytes_;
};

}  // namespace karst::log
