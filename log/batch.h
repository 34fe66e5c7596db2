#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "log/config.h"
#include "log/types.h"
#include "reactor/base/endian.h"
#include "reactor/buffer_chain.h"

namespace karst::log {

// Where the fields of a record batch v2 lie (KIP-98; big-endian). Everything from `attributes` on
// is covered by the CRC; what a broker stamps (base offset, leader epoch) is not, so that stamping
// costs no second pass over the bytes.
namespace batch_layout {
inline constexpr std::size_t base_offset = 0;
inline constexpr std::size_t length = 8;  // counts the bytes after itself
inline constexpr std::size_t leader_epoch = 12;
inline constexpr std::size_t magic = 16;
inline constexpr std::size_t crc = 17;
inline constexpr std::size_t attributes = 21;  // the CRC covers from here to the end
inline constexpr std::size_t last_offset_delta = 23;
inline constexpr std::size_t base_timestamp = 27;
inline constexpr std::size_t max_timestamp = 35;
inline constexpr std::size_t producer_id = 43;
inline constexpr std::size_t producer_epoch = 51;
inline constexpr std::size_t base_sequence = 53;
inline constexpr std::size_t record_count = 57;
inline constexpr std::size_t records = 61;

inline constexpr std::size_t length_end =
    12;  // base offset and length: what size_bytes adds to the length
inline constexpr std::size_t header_bytes = 61;
inline constexpr std::size_t magic_end = 17;  // enough to know the size and the format
}  // namespace batch_layout

// Compression codecs as numbered in the attributes and in compression.type.
enum class codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };
inline constexpr int codec_count = 5;
std::string_view name(codec compression);
std::optional<codec> parse_codec(std::string_view name);

namespace batch_attributes {
inline constexpr std::int16_t codec_mask = 0x07;
inline constexpr std::int16_t log_append_time = 0x08;
inline constexpr std::int16_t transactional = 0x10;
inline constexpr std::int16_t control = 0x20;
inline constexpr std::int16_t delete_horizon =
    0x40;  // baseTimestamp holds a delete horizon (KIP-534)
}  // namespace batch_attributes

// The decoded header of one batch: a value, 64 bytes, no pointer into the batch. Decoding checks
// nothing: the fields are what the bytes say until batch_validator or a CRC has vouched for them.
struct batch_header {
  offset base;
  std::int32_t length = 0;
  log::leader_epoch leader_epoch;
  std::int8_t magic = 2;
  std::uint32_t crc = 0;
  std::int16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  wall_ms base_timestamp = -1;
  wall_ms max_timestamp = -1;
  log::producer_id producer;
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::int32_t record_count = 0;

  // From at least header_bytes bytes.
  static batch_header decode(std::byte const* from);
  void encode(std::byte* to) const;
  bool operator==(batch_header const&) const = default;

  std::size_t size_bytes() const {
    return batch_layout::length_end + static_cast<std::size_t>(length);
  }
  offset last() const { return base + last_offset_delta; }
  offset next() const { return base + last_offset_delta + 1; }
  int codec_bits() const { return attributes & batch_attributes::codec_mask; }
  codec compression() const { return static_cast<codec>(codec_bits()); }
  bool transactional() const { return (attributes & batch_attributes::transactional) != 0; }
  bool control() const { return (attributes & batch_attributes::control) != 0; }
  bool has_producer() const { return producer.value >= 0; }
  timestamp_type time() const {
    return (attributes & batch_attributes::log_append_time) != 0 ? timestamp_type::log_append_time
                                                                 : timestamp_type::create_time;
  }
  // The sequence of the last record; sequences wrap from 2^31-1 to 0.
  std::int32_t last_sequence() const;
};

// The sequence `records` after `sequence`, wrapping from 2^31-1 to 0; -1 (none) stays -1.
std::int32_t advance_sequence(std::int32_t sequence, std::int32_t records);

// Writes what a leader writes into a batch it appends: neither field is covered by the CRC.
inline void stamp(std::byte* batch, offset base, leader_epoch epoch) {
  store_be(batch + batch_layout::base_offset, base.value);
  store_be(batch + batch_layout::leader_epoch, epoch.value);
}

// CRC-32C of what the batch's CRC covers. The batch must be whole: at least header_bytes.
std::uint32_t compute_crc(std::span<std::byte const> batch);
std::uint32_t compute_crc(buffer_chain const& batch);
// The same of the batch of `size` bytes that begins at `at`.
std::uint32_t compute_crc(buffer_chain const& bytes, std::size_t at, std::size_t size);
// Whether the stored CRC is right.
bool crc_matches(std::span<std::byte const> batch);
bool crc_matches(buffer_chain const& batch);
bool crc_matches(buffer_chain const& bytes, std::size_t at, std::size_t size);

}  // namespace karst::log
