#pragma once

#include <bit>
#include <concepts>
#include <cstring>

namespace karst {

// Kafka is big-endian throughout; our own files are little-endian. Both work on unaligned bytes.
template <std::integral T>
T load_be(void const* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::endian::native == std::endian::big ? value : std::byteswap(value);
}
template <std::integral T>
void store_be(void* to, T value) {
  if constexpr (std::endian::native != std::endian::big) value = std::byteswap(value);
  std::memcpy(to, &value, sizeof value);
}
template <std::integral T>
T load_le(void const* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return std::endian::native == std::endian::little ? value : std::byteswap(value);
}
template <std::integral T>
void store_le(void* to, T value) {
  if constexpr (std::endian::native != std::endian::little) value = std::byteswap(value);
  std::memcpy(to, &value, sizeof value);
}

}  // namespace karst
