#include "log/record.h"

#include <cstring>

#include "reactor/base/varint.h"

namespace karst::log {
namespace {

std::size_t size_of(std::int64_t value) { return varint_size(zigzag(value)); }

std::size_t size_of(std::optional<std::string_view> const& bytes) {
  return bytes ? size_of(static_cast<std::int64_t>(bytes->size())) + bytes->size() : size_of(-1);
}

std::size_t body_size(record const& entry) {
  auto size = 1 + size_of(entry.timestamp_delta) + size_of(entry.offset_delta) +
              size_of(entry.key) + size_of(entry.value) +
              size_of(static_cast<std::int64_t>(entry.headers.size()));
  for (auto const& header : entry.headers) {
    size += size_of(std::optional{header.key}) + size_of(header.value);
  }
  return size;
}

std::byte* put(std::byte* to, std::int64_t value) {
  return to + write_varint(reinterpret_cast<std::uint8_t*>(to), zigzag(value));
}

std::byte* put(std::byte* to, std::optional<std::string_view> const& bytes) {
  if (!bytes) return put(to, -1);
  to = put(to, static_cast<std::int64_t>(bytes->size()));
  if (!bytes->empty()) std::memcpy(to, bytes->data(), bytes->size());
  return to + bytes->size();
}

// Reads from the front of a span; every get returns false when the bytes end early or do not parse.
struct reader {
  std::uint8_t const* at;
  std::uint8_t const* end;

  bool get(std::int64_t& value, std::size_t max_bytes) {
    std::uint64_t raw = 0;
    auto used = read_varint(at, end, raw, max_bytes);
    at += used;
    value = unzigzag(raw);
    return used != 0;
  }
  bool get(std::optional<std::string_view>& bytes) {
    std::int64_t size = 0;
    if (!get(size, max_varint32_bytes) || size < -1 || size > end - at) return false;
    if (size < 0) {
      bytes.reset();
      return true;
    }
    bytes.emplace(reinterpret_cast<char const*>(at), static_cast<std::size_t>(size));
    at += size;
    return true;
  }
};

bool decode_headers(reader& in, std::vector<record_header>& headers) {
  std::int64_t count = 0;
  // A header takes at least two bytes: a larger count cannot be true, and must not make the vector
  // grow.
  if (!in.get(count, max_varint32_bytes) || count < 0 || count > (in.end - in.at) / 2) return false;
  headers.resize(static_cast<std::size_t>(count));
  for (auto& header : headers) {
    std::optional<std::string_view> key;
    if (!in.get(key) || !key || !in.get(header.value)) return false;
    header.key = *key;
  }
  return true;
}

}  // namespace

std::size_t encoded_size(record const& entry) {
  auto body = body_size(entry);
  return size_of(static_cast<std::int64_t>(body)) + body;
}

std::byte* encode(record const& entry, std::byte* to) {
  to = put(to, static_cast<std::int64_t>(body_size(entry)));
  *to++ = std::byte{0};  // attributes: none are defined
  to = put(to, entry.timestamp_delta);
  to = put(to, entry.offset_delta);
  to = put(to, entry.key);
  to = put(to, entry.value);
  to = put(to, static_cast<std::int64_t>(entry.headers.size()));
  for (auto const& header : entry.headers) {
    to = put(to, std::optional{header.key});
    to = put(to, header.value);
  }
  return to;
}

bool decode(std::span<std::byte const>& bytes, record& entry) {
  auto const* begin = reinterpret_cast<std::uint8_t const*>(bytes.data());
  reader in{begin, begin + bytes.size()};
  std::int64_t length = 0;
  if (!in.get(length, max_varint32_bytes) || length < 1 || length > in.end - in.at) return false;
  in.end = in.at + length;
  ++in.at;  // attributes
  std::int64_t offset_delta = 0;
  if (!in.get(entry.timestamp_delta, max_varint64_bytes)) return false;
  if (!in.get(offset_delta, max_varint32_bytes)) return false;
  entry.offset_delta = static_cast<std::int32_t>(offset_delta);
  if (!in.get(entry.key) || !in.get(entry.value)) return false;
  if (!decode_headers(in, entry.headers) || in.at != in.end) return false;
  bytes = bytes.subspan(static_cast<std::size_t>(in.end - begin));
  return true;
}

}  // namespace karst::log
