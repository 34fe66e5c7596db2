#pragma once

#include <sys/uio.h>

#include <string_view>
#include <utility>
#include <vector>

#include "reactor/buffer.h"

namespace karst {

// Bytes in order, in pieces: what crosses from net to log and back (with file_range). Owns its
// buffers; moving is cheap, copying explicit.
class buffer_chain {
 public:
  buffer_chain() = default;
  explicit buffer_chain(buffer piece) { append(std::move(piece)); }
  buffer_chain(buffer_chain&& other) noexcept
      : only_(std::move(other.only_)),
        several_(std::exchange(other.several_, {})),
        size_(std::exchange(other.size_, 0)) {}
  buffer_chain& operator=(buffer_chain&& other) noexcept {
    only_ = std::move(other.only_);
    several_ = std::exchange(other.several_, {});
    size_ = std::exchange(other.size_, 0);
    return *this;
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::span<buffer const> pieces() const { return const_cast<buffer_chain*>(this)->parts(); }

  void append(buffer piece);  // empty pieces are dropped
  void append(buffer_chain&& other);
  void clear();

  buffer_chain share() const { return slice(0, size_); }
  // Shares the bytes [position, position + size), which must exist.
  buffer_chain slice(std::size_t position, std::size_t size) const;
  void trim_front(std::size_t bytes);
  // Cuts the first `bytes` off and returns them.
  buffer_chain split_front(std::size_t bytes);

  // Copies [position, position + size) to `to`.
  void copy_to(std::size_t position, std::byte* to, std::size_t size) const;
  // The bytes [position, position + size) in one piece: a pointer into a buffer when they lie in
  // one, else copied to `scratch`, which must hold `size` bytes.
  std::byte const* contiguous(std::size_t position, std::size_t size, std::byte* scratch) const;
  // All bytes in one buffer: shared when there is one piece, else copied.
  buffer linearize() const;
  void to_iovecs(std::vector<iovec>& vectors) const;  // appends
  std::string to_string() const;

  // Visits [position, position + size) piece by piece: visit(std::span<std::byte const>).
  template <typename Visit>
  void for_each(std::size_t position, std::size_t size, Visit visit) const {
    for (auto const& piece : pieces()) {
      if (size == 0) return;
      if (position >= piece.size()) {
        position -= piece.size();
        continue;
      }
      auto part = std::min(size, piece.size() - position);
      visit(piece.bytes().subspan(position, part));
      position = 0;
      size -= part;
    }
  }

 private:
  std::span<buffer> parts() {
    if (!several_.empty()) return several_;
    return {&only_, only_.empty() ? 0U : 1U};
  }

  // Nearly every chain is one piece: it lies here. From the second on all are in `several_`.
  buffer only_;
  std::vector<buffer> several_;
  std::size_t size_ = 0;
};

}  // namespace karst
