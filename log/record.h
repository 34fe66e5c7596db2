#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace karst::log {

// One header of a record; a null value differs from an empty one.
struct record_header {
  std::string_view key;
  std::optional<std::string_view> value;
  bool operator==(record_header const&) const = default;
};

// One record of a batch v2 as views into the (uncompressed) bytes it was read from, or into
// whatever the writer holds: valid as long as those are. Deltas are relative to the batch's base
// offset and base timestamp.
struct record {
  std::int32_t offset_delta = 0;
  std::int64_t timestamp_delta = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;  // nullopt: a tombstone
  std::vector<record_header> headers;
  bool operator==(record const&) const = default;
};

// Bytes of the record in a batch, its length field included.
std::size_t encoded_size(record const& entry);
// Writes exactly encoded_size bytes; returns one past the last.
std::byte* encode(record const& entry, std::byte* to);
// Reads the record at the front of `bytes` and cuts it off. False when it is malformed or not whole
// (bytes are then unspecified).
bool decode(std::span<std::byte const>& bytes, record& entry);

}  // namespace karst::log
