#include "log/batch.h"

#include <array>
#include <limits>

#include "reactor/base/crc32c.h"

namespace karst::log {
namespace {

constexpr std::array<std::string_view, codec_count> codec_names{"none", "gzip", "snappy", "lz4",
                                                                "zstd"};

}  // namespace

std::string_view name(codec compression) {
  return codec_names.at(static_cast<std::size_t>(compression));
}

std::optional<codec> parse_codec(std::string_view name) {
  for (std::size_t i = 0; i < codec_names.size(); ++i) {
    if (codec_names[i] == name) return static_cast<codec>(i);
  }
  // Kafka's configuration calls it both.
  if (name == "uncompressed") return codec::none;
  return std::nullopt;
}

batch_header batch_header::decode(std::byte const* from) {
  namespace at = batch_layout;
  batch_header header;
  header.base = {load_be<std::int64_t>(from + at::base_offset)};
  header.length = load_be<std::int32_t>(from + at::length);
  header.leader_epoch = {load_be<std::int32_t>(from + at::leader_epoch)};
  header.magic = load_be<std::int8_t>(from + at::magic);
  header.crc = load_be<std::uint32_t>(from + at::crc);
  header.attributes = load_be<std::int16_t>(from + at::attributes);
  header.last_offset_delta = load_be<std::int32_t>(from + at::last_offset_delta);
  header.base_timestamp = load_be<std::int64_t>(from + at::base_timestamp);
  header.max_timestamp = load_be<std::int64_t>(from + at::max_timestamp);
  header.producer = {load_be<std::int64_t>(from + at::producer_id)};
  header.producer_epoch = load_be<std::int16_t>(from + at::producer_epoch);
  header.base_sequence = load_be<std::int32_t>(from + at::base_sequence);
  header.record_count = load_be<std::int32_t>(from + at::record_count);
  return header;
}

void batch_header::encode(std::byte* to) const {
  namespace at = batch_layout;
  store_be(to + at::base_offset, base.value);
  store_be(to + at::length, length);
  store_be(to + at::leader_epoch, leader_epoch.value);
  store_be(to + at::magic, magic);
  store_be(to + at::crc, crc);
  store_be(to + at::attributes, attributes);
  store_be(to + at::last_offset_delta, last_offset_delta);
  store_be(to + at::base_timestamp, base_timestamp);
  store_be(to + at::max_timestamp, max_timestamp);
  store_be(to + at::producer_id, producer.value);
  store_be(to + at::producer_epoch, producer_epoch);
  store_be(to + at::base_sequence, base_sequence);
  store_be(to + at::record_count, record_count);
}

std::int32_t batch_header::last_sequence() const {
  return advance_sequence(base_sequence, last_offset_delta);
}

std::int32_t advance_sequence(std::int32_t sequence, std::int32_t records) {
  if (sequence < 0) return sequence;
  constexpr auto largest = std::numeric_limits<std::int32_t>::max();
  if (sequence > largest - records) return records - (largest - sequence) - 1;
  return sequence + records;
}

std::uint32_t compute_crc(std::span<std::byte const> batch) {
  auto covered = batch.subspan(batch_layout::attributes);
  return crc32c(0, covered.data(), covered.size());
}

std::uint32_t compute_crc(buffer_chain const& bytes, std::size_t at, std::size_t size) {
  std::uint32_t crc = 0;
  bytes.for_each(
      at + batch_layout::attributes, size - batch_layout::attributes,
      [&crc](std::span<std::byte const> part) { crc = crc32c(crc, part.data(), part.size()); });
  return crc;
}

std::uint32_t compute_crc(buffer_chain const& batch) { return compute_crc(batch, 0, batch.size()); }

bool crc_matches(std::span<std::byte const> batch) {
  return compute_crc(batch) == load_be<std::uint32_t>(batch.data() + batch_layout::crc);
}

bool crc_matches(buffer_chain const& bytes, std::size_t at, std::size_t size) {
  std::array<std::byte, sizeof(std::uint32_t)> scratch;
  auto const* stored = bytes.contiguous(at + batch_layout::crc, scratch.size(), scratch.data());
  return compute_crc(bytes, at, size) == load_be<std::uint32_t>(stored);
}

bool crc_matches(buffer_chain const& batch) { return crc_matches(batch, 0, batch.size()); }

}  // namespace karst::log
