#pragma once

#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "reactor/base/assert.h"
#include "reactor/base/endian.h"

namespace karst::log {

inline std::string text_of(std::span<std::byte const> bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

// Writes little-endian fields of our own files (journal groups and entries) into memory that the
// caller has sized. Writing past the end is a bug, not an input error: it asserts.
class byte_writer {
 public:
  explicit byte_writer(std::span<std::byte> to) : to_(to) {}
  template <std::integral T>
  void put(T value) {
    store_le(take(sizeof value), value);
  }
  void put_bytes(std::span<std::byte const> bytes) {
    auto* to = take(bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  }
  // A length of 16 bits, then the bytes.
  void put_text(std::string_view text) {
    put(static_cast<std::uint16_t>(text.size()));
    put_bytes(std::as_bytes(std::span{text}));
  }
  std::size_t written() const { return written_; }

 private:
  std::byte* take(std::size_t bytes) {
    KARST_ASSERT(bytes <= to_.size() - written_, "{}+{} of {}", written_, bytes, to_.size());
    auto* at = to_.data() + written_;
    written_ += bytes;
    return at;
  }
  std::span<std::byte> to_;
  std::size_t written_ = 0;
};

// Reads the same; input that ends early sets failed() and yields zeros, so that a decoder checks
// once at its end.
class byte_reader {
 public:
  explicit byte_reader(std::span<std::byte const> from) : from_(from) {}
  template <std::integral T>
  T take() {
    auto bytes = take_bytes(sizeof(T));
    return failed_ ? T{} : load_le<T>(bytes.data());
  }
  std::span<std::byte const> take_bytes(std::size_t bytes) {
    if (failed_ || bytes > from_.size()) {
      failed_ = true;
      return {};
    }
    auto part = from_.first(bytes);
    from_ = from_.subspan(bytes);
    return part;
  }
  std::string take_text() { return text_of(take_bytes(take<std::uint16_t>())); }
  std::size_t left() const { return from_.size(); }
  bool failed() const { return failed_; }

 private:
  std::span<std::byte const> from_;
  bool failed_ = false;
};

}  // namespace karst::log
