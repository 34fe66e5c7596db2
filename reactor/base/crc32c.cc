#include "reactor/base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <cstring>

#include "reactor/base/units.h"

namespace karst {

std::uint32_t crc32c(std::uint32_t crc, void const* data, std::size_t size) {
  // isa-l takes the raw register, without the inversions of the finished value, and an int length.
  auto* bytes = static_cast<unsigned char*>(const_cast<void*>(data));
  auto state = ~crc;
  while (size != 0) {
    auto piece = std::min<std::size_t>(size, GiB);
    state = crc32_iscsi(bytes, static_cast<int>(piece), state);
    bytes += piece;
    size -= piece;
  }
  return ~state;
}

std::uint32_t copy_crc32c(std::uint32_t crc, void* to, void const* from, std::size_t size) {
  auto* target = static_cast<std::uint8_t*>(to);
  auto const* source = static_cast<std::uint8_t const*>(from);
  while (size != 0) {
    auto piece = std::min(size, 8 * KiB);
    std::memcpy(target, source, piece);
    crc = crc32c(crc, target, piece);
    target += piece;
    source += piece;
    size -= piece;
  }
  return crc;
}

}  // namespace karst
