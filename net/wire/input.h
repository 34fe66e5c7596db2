#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reactor/base/endian.h"
#include "reactor/buffer_chain.h"

namespace karst::net {

// Bounds of one decoding. They keep the memory that a small frame can demand near the size of the
// frame.
struct decode_limits {
  std::size_t elements = 0;  // of all arrays together
};

// A bounded walk over the bytes of a buffer_chain, which must outlive it. Fields may straddle its
// buffers: integers are gathered, a string that straddles is copied to `spilled` (others are views
// into the chain). The first violation is kept and makes every later call return zeros: callers
// check once, at the end. On one core, like the chain.
class input {
 public:
  input(buffer_chain const& bytes, std::size_t position, decode_limits limits);

  bool failed() const { return !failure_.empty(); }
  // "Topics: 4000 elements, but only 12 bytes follow"; empty when all went well.
  std::string const& failure() const { return failure_; }
  void fail(std::string_view why);
  // The name of the field that is read, for the text of a failure. Kafka's, and static.
  void at_field(char const* name) { field_ = name; }

  std::size_t remaining() const { return remaining_; }
  std::size_t position() const { return total_ - remaining_; }
  std::vector<buffer> take_spilled() { return std::move(spilled_); }

  template <std::integral T>
  T integer() {
    if (static_cast<std::size_t>(end_ - cursor_) >= sizeof(T)) [[likely]] {
      auto value = load_be<T>(cursor_);
      advance(sizeof(T));
      return value;
    }
    std::byte gathered[sizeof(T)]{};
    gather(gathered);
    return load_be<T>(gathered);
  }
  // Unsigned LEB128 of at most 32 bits.
  std::uint32_t varint();
  void gather(std::span<std::byte> to);
  std::string_view view(std::size_t size);
  buffer_chain share(std::size_t size);
  void skip(std::size_t size);

  // The length in front of a string, array or records field: -1 for null. `wide`: four bytes in
  // inflexible versions, else two.
  std::int64_t length(bool flexible, bool wide);
  // Whether `count` elements of at least `smallest` bytes each can follow; counts them against the
  // limit.
  bool admit(std::int64_t count, std::size_t smallest);

 private:
  void advance(std::size_t size) {
    cursor_ += size;
    remaining_ -= size;
  }
  bool has(std::size_t size);
  void next_piece();

  std::span<buffer const> pieces_;  // those after the current one
  buffer const* piece_ = nullptr;
  std::byte const* cursor_ = nullptr;
  std::byte const* end_ = nullptr;
  std::size_t remaining_ = 0;
  std::size_t total_ = 0;
  std::size_t elements_left_;
  char const* field_ = "";
  std::string failure_;
  std::vector<buffer> spilled_;
};

}  // namespace karst::net
