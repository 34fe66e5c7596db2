#pragma once

#include <cstddef>
#include <cstdint>

namespace karst {

// CRC-32C (Castagnoli), as in record batch v2. Start from 0; the value of one piece is the start
// for the next.
std::uint32_t crc32c(std::uint32_t crc, void const* data, std::size_t size);

// Copies and checks in one pass, in pieces that stay in the first-level cache: the second reading
// costs no memory traffic.
std::uint32_t copy_crc32c(std::uint32_t crc, void* to, void const* from, std::size_t size);

}  // namespace karst
