#include "reactor/buffer_chain.h"

#include <cstring>

namespace karst {

void buffer_chain::append(buffer piece) {
  if (piece.empty()) return;
  size_ += piece.size();
  if (several_.empty() && only_.empty()) {
    only_ = std::move(piece);
    return;
  }
  if (several_.empty()) several_.push_back(std::move(only_));
  several_.push_back(std::move(piece));
}

void buffer_chain::append(buffer_chain&& other) {
  if (empty()) {
    *this = std::move(other);
    return;
  }
  for (auto& piece : other.parts()) append(std::move(piece));
  other.clear();
}

void buffer_chain::clear() {
  only_ = {};
  several_.clear();
  size_ = 0;
}

buffer_chain buffer_chain::slice(std::size_t position, std::size_t size) const {
  KARST_ASSERT(position <= size_ && size <= size_ - position, "{}+{} of {}", position, size, size_);
  buffer_chain part;
  for (auto const& piece : pieces()) {
    if (size == 0) break;
    if (position >= piece.size()) {
      position -= piece.size();
      continue;
    }
    auto bytes = std::min(size, piece.size() - position);
    part.append(piece.slice(position, bytes));
    position = 0;
    size -= bytes;
  }
  return part;
}

void buffer_chain::trim_front(std::size_t bytes) {
  KARST_ASSERT(bytes <= size_, "{} of {}", bytes, size_);
  size_ -= bytes;
  if (size_ == 0) return clear();
  auto all = parts();
  std::size_t whole = 0;
  while (bytes >= all[whole].size()) bytes -= all[whole++].size();
  if (bytes != 0) all[whole].trim_front(bytes);
  several_.erase(several_.begin(), several_.begin() + static_cast<std::ptrdiff_t>(whole));
}

buffer_chain buffer_chain::split_front(std::size_t bytes) {
  if (bytes == size_) return std::move(*this);
  auto front = slice(0, bytes);
  trim_front(bytes);
  return front;
}

void buffer_chain::copy_to(std::size_t position, std::byte* to, std::size_t size) const {
  KARST_ASSERT(position <= size_ && size <= size_ - position, "{}+{} of {}", position, size, size_);
  for_each(position, size, [&to](std::span<std::byte const> part) {
    std::memcpy(to, part.data(), part.size());
    to += part.size();
  });
}

std::byte const* buffer_chain::contiguous(std::size_t position, std::size_t size,
                                          std::byte* scratch) const {
  auto rest = position;
  for (auto const& piece : pieces()) {
    if (rest < piece.size()) {
      if (size <= piece.size() - rest) return piece.data() + rest;
      break;
    }
    rest -= piece.size();
  }
  copy_to(position, scratch, size);
  return scratch;
}

buffer buffer_chain::linearize() const {
  if (pieces().size() == 1) return pieces().front().share();
  auto whole = buffer::allocate(size_);
  copy_to(0, whole.data(), size_);
  return whole;
}

void buffer_chain::to_iovecs(std::vector<iovec>& vectors) const {
  for (auto const& piece : pieces())
    vectors.push_back({const_cast<std::byte*>(piece.data()), piece.size()});
}

std::string buffer_chain::to_string() const {
  std::string text(size_, '\0');
  copy_to(0, reinterpret_cast<std::byte*>(text.data()), size_);
  return text;
}

}  // namespace karst
