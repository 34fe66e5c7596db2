#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "log/batch_builder.h"
#include "log/batch_cursor.h"
#include "reactor/buffer_chain.h"

// Helpers of the log's tests: bytes from hexadecimal, chains in awkward pieces, batches of known
// records.
namespace karst::log {

inline std::vector<std::byte> from_hex(std::string_view hex) {
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(digit(hex[i]) * 16 + digit(hex[i + 1])));
  }
  return bytes;
}

inline std::string to_hex(std::span<std::byte const> bytes) {
  std::string hex;
  for (auto byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return hex;
}

// The bytes in pieces of `piece` bytes, each in a buffer of its own, so that reading past one is
// seen by the sanitizer.
inline buffer_chain in_pieces(std::span<std::byte const> bytes, std::size_t piece) {
  buffer_chain chain;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size()))) {
    chain.append(buffer::copy_of(bytes.first(std::min(piece, bytes.size()))));
  }
  return chain;
}

inline buffer_chain in_one(std::span<std::byte const> bytes) {
  return in_pieces(bytes, std::max<std::size_t>(bytes.size(), 1));
}

inline std::vector<std::byte> bytes_of(buffer_chain const& chain) {
  std::vector<std::byte> bytes(chain.size());
  chain.copy_to(0, bytes.data(), bytes.size());
  return bytes;
}

// The whole batches in `bytes`.
inline std::vector<batch_view> batches_in(std::span<std::byte const> bytes) {
  std::vector<batch_view> batches;
  batch_cursor cursor{bytes};
  while (auto batch = cursor.next()) batches.push_back(*batch);
  return batches;
}

// A batch of `count` records "value N", 10 ms apart from `first_timestamp` on.
inline buffer sample_batch(std::int32_t count, batch_options options = {},
                           wall_ms first_timestamp = 1'700'000'000'000) {
  batch_builder builder{options};
  for (std::int32_t i = 0; i < count; ++i) {
    builder.add(first_timestamp + 10 * i, fmt::format("key {}", i), fmt::format("value {}", i));
  }
  return builder.finish();
}

// Puts the right CRC into a batch that a test has changed.
inline void fix_crc(std::span<std::byte> batch) {
  store_be(batch.data() + batch_layout::crc, compute_crc(batch));
}

}  // namespace karst::log
