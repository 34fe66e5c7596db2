#pragma once

#include <cstddef>
#include <cstdint>

namespace karst {

// Protocol Buffers varints, as Kafka uses them: unsigned in flexible messages, zig-zag inside
// records.
inline constexpr std::size_t max_varint32_bytes = 5;
inline constexpr std::size_t max_varint64_bytes = 10;

constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

constexpr std::size_t varint_size(std::uint64_t value) {
  std::size_t bytes = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++bytes;
  }
  return bytes;
}

// Writes at most 10 bytes; returns how many.
inline std::size_t write_varint(std::uint8_t* to, std::uint64_t value) {
  std::size_t bytes = 0;
  while (value >= 0x80) {
    to[bytes++] = static_cast<std::uint8_t>(value) | 0x80;
    value >>= 7;
  }
  to[bytes++] = static_cast<std::uint8_t>(value);
  return bytes;
}

// Reads from [from, end). Returns the bytes consumed, or 0 when the input ends early or is longer
// than max_bytes (5 for 32-bit values, whose fifth byte may hold only 4 bits; 10 for 64-bit values,
// whose tenth may hold only one).
inline std::size_t read_varint(std::uint8_t const* from, std::uint8_t const* end,
                               std::uint64_t& value, std::size_t max_bytes = max_varint64_bytes) {
  value = 0;
  for (std::size_t i = 0; i < max_bytes && from + i < end; ++i) {
    auto byte = from[i];
    if (i + 1 == max_bytes) {
      auto bits = max_bytes == max_varint32_bytes ? 4 : 1;
      if ((byte >> bits) != 0) return 0;
    }
    value |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if ((byte & 0x80) == 0) return i + 1;
  }
  return 0;
}

}  // namespace karst
