#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

// The framing that snappy-java (xerial) puts around raw snappy blocks, and with it every Java
// client: a header, then blocks, each behind its big-endian 32-bit length.
namespace karst::log::xerial {

inline constexpr std::size_t header_bytes = 16;
inline constexpr std::size_t magic_bytes = 8;
inline constexpr std::size_t block_bytes = 32 * 1024;  // of input, as Java cuts it

// Magic, then version 1 and the lowest compatible version 1.
inline constexpr std::array<unsigned char, header_bytes> header{
    0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1};

inline bool is_header(std::span<std::byte const> bytes) {
  return bytes.size() >= header_bytes &&
         std::equal(header.begin(), header.begin() + magic_bytes, bytes.begin(),
                    [](unsigned char want, std::byte have) { return std::byte{want} == have; });
}

}  // namespace karst::log::xerial
