#include "net/wire/input.h"

#include <fmt/format.h>

#include "reactor/base/varint.h"

namespace karst::net {

input::input(buffer_chain const& bytes, std::size_t position, decode_limits limits)
    : pieces_(bytes.pieces()),
      remaining_(bytes.size()),
      total_(bytes.size()),
      elements_left_(limits.elements) {
  skip(position);
}

void input::fail(std::string_view why) {
  if (failed()) return;
  failure_ = fmt::format("{}: {}", field_, why);
  pieces_ = {};
  piece_ = nullptr;
  cursor_ = end_ = nullptr;
  remaining_ = 0;
}

bool input::has(std::size_t size) {
  if (size <= remaining_) return true;
  fail(fmt::format("{} bytes needed, but only {} follow", size, remaining_));
  return false;
}

void input::next_piece() {
  piece_ = &pieces_.front();
  pieces_ = pieces_.subspan(1);
  cursor_ = piece_->data();
  end_ = cursor_ + piece_->size();
}

void input::gather(std::span<std::byte> to) {
  if (!has(to.size())) return;
  while (!to.empty()) {
    if (cursor_ == end_) next_piece();
    auto part = std::min(to.size(), static_cast<std::size_t>(end_ - cursor_));
    std::memcpy(to.data(), cursor_, part);
    advance(part);
    to = to.subspan(part);
  }
}

void input::skip(std::size_t size) {
  if (!has(size)) return;
  while (size != 0) {
    if (cursor_ == end_) next_piece();
    auto part = std::min(size, static_cast<std::size_t>(end_ - cursor_));
    advance(part);
    size -= part;
  }
}

std::string_view input::view(std::size_t size) {
  if (size == 0 || !has(size)) return {};
  if (cursor_ == end_) next_piece();
  if (static_cast<std::size_t>(end_ - cursor_) >= size) {
    std::string_view text{reinterpret_cast<char const*>(cursor_), size};
    advance(size);
    return text;
  }
  auto joined = buffer::allocate(size);
  gather({joined.data(), size});
  spilled_.push_back(std::move(joined));
  return {reinterpret_cast<char const*>(spilled_.back().data()), size};
}

buffer_chain input::share(std::size_t size) {
  buffer_chain part;
  if (!has(size)) return part;
  while (size != 0) {
    if (cursor_ == end_) next_piece();
    auto bytes = std::min(size, static_cast<std::size_t>(end_ - cursor_));
    part.append(piece_->slice(static_cast<std::size_t>(cursor_ - piece_->data()), bytes));
    advance(bytes);
    size -= bytes;
  }
  return part;
}

std::uint32_t input::varint() {
  std::uint8_t bytes[max_varint32_bytes];
  std::size_t count = 0;
  do {
    bytes[count] = integer<std::uint8_t>();
  } while ((bytes[count++] & 0x80) != 0 && count < max_varint32_bytes);
  std::uint64_t value = 0;
  if (failed()) return 0;
  if (read_varint(bytes, bytes + count, value, max_varint32_bytes) == 0) {
    fail("a variable-length integer of more than 32 bits");
    return 0;
  }
  return static_cast<std::uint32_t>(value);
}

std::int64_t input::length(bool flexible, bool wide) {
  std::int64_t value = flexible ? std::int64_t{varint()} - 1
                       : wide   ? integer<std::int32_t>()
                                : integer<std::int16_t>();
  if (value < -1) fail(fmt::format("a length of {}", value));
  return failed() ? 0 : value;
}

bool input::admit(std::int64_t count, std::size_t smallest) {
  auto elements = static_cast<std::size_t>(count);
  if (elements > remaining_ / smallest) {
    fail(fmt::format("{} elements, but only {} bytes follow", count, remaining_));
    return false;
  }
  if (elements > elements_left_) {
    fail(fmt::format("{} elements, but a message may hold only {} more", count, elements_left_));
    return false;
  }
  elements_left_ -= elements;
  return true;
}

}  // namespace karst::net
