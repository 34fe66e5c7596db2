#include "log/record_scanner.h"

#include <algorithm>

namespace karst::log {
namespace {

// Most numbers in records are one or two bytes; the rest take the general way.
inline bool get(std::uint8_t const*& at, std::uint8_t const* end, std::int64_t& value,
                std::size_t max_bytes = max_varint32_bytes) {
  if (at != end && *at < 0x80) {
    value = unzigzag(*at++);
    return true;
  }
  if (end - at >= 2 && at[1] < 0x80) {
    value = unzigzag((at[0] & 0x7fu) | std::uint64_t{at[1]} << 7);
    at += 2;
    return true;
  }
  std::uint64_t raw = 0;
  auto used = read_varint(at, end, raw, max_bytes);
  at += used;
  value = unzigzag(raw);
  return used != 0;
}

inline bool skip_bytes(std::uint8_t const*& at, std::uint8_t const* end, std::int64_t& size,
                       std::int64_t least) {
  if (!get(at, end, size) || size < least || size > end - at) return false;
  if (size > 0) at += size;
  return true;
}

bool parse_body(std::uint8_t const* at, std::uint8_t const* end, record_facts& facts) {
  ++at;  // attributes: none are defined
  std::int64_t size = 0;
  std::int64_t offset_delta = 0;
  if (!get(at, end, facts.timestamp_delta, max_varint64_bytes)) return false;
  if (!get(at, end, offset_delta)) return false;
  facts.offset_delta = static_cast<std::int32_t>(offset_delta);
  if (!skip_bytes(at, end, size, -1)) return false;
  facts.has_key = size >= 0;
  if (!skip_bytes(at, end, size, -1)) return false;
  std::int64_t headers = 0;
  if (!get(at, end, headers) || headers < 0) return false;
  for (; headers != 0; --headers) {
    if (!skip_bytes(at, end, size, 0) || !skip_bytes(at, end, size, -1)) return false;
  }
  return at == end;
}

}  // namespace

std::uint8_t const* record_scanner::parse_whole(std::uint8_t const* at, std::uint8_t const* end) {
  std::int64_t length = 0;
  auto const* body = at;
  if (!get(body, end, length)) {
    // Five bytes are enough for any length: a number that does not end in them never will.
    malformed_ = end - at >= static_cast<std::ptrdiff_t>(max_varint32_bytes);
    return nullptr;
  }
  if (length < 1) {
    malformed_ = true;
    return nullptr;
  }
  if (length > end - body) return nullptr;
  malformed_ = !parse_body(body, body + length, facts_);
  return malformed_ ? nullptr : body + length;
}

bool record_scanner::take_number(std::uint8_t const*& at, std::uint8_t const* end, bool& whole) {
  auto most = field_ == field::timestamp ? 64 : 32;
  while (at != end) {
    auto byte = *at++;
    if (field_ != field::length && --left_ < 0) return fail();
    if (shift_ + 7 > most && (byte >> (most - shift_)) != 0) return fail();
    number_ |= std::uint64_t{byte & 0x7fu} << shift_;
    shift_ = static_cast<std::uint8_t>(shift_ + 7);
    if ((byte & 0x80) == 0) {
      whole = true;
      return true;
    }
  }
  whole = false;
  return true;
}

bool record_scanner::begin_bytes(std::int64_t least, field with, field without) {
  auto size = unzigzag(number_);
  if (size < least || size > left_) return fail();
  skip_ = std::max<std::int64_t>(size, 0);
  field_ = skip_ != 0 ? with : without;
  return true;
}

bool record_scanner::end_of_headers() {
  field_ = headers_ != 0 ? field::header_key_length : field::length;
  // The record's length must be what its fields add up to.
  return headers_ != 0 || left_ == 0 || fail();
}

bool record_scanner::finish_number() {
  shift_ = 0;
  switch (field_) {
    case field::length:
      left_ = unzigzag(number_);
      field_ = field::attributes;
      return left_ >= 1 || fail();
    case field::timestamp:
      facts_.timestamp_delta = unzigzag(number_);
      field_ = field::offset;
      return true;
    case field::offset:
      facts_.offset_delta = static_cast<std::int32_t>(unzigzag(number_));
      field_ = field::key_length;
      return true;
    case field::key_length:
      facts_.has_key = unzigzag(number_) >= 0;
      return begin_bytes(-1, field::key, field::value_length);
    case field::value_length:
      return begin_bytes(-1, field::value, field::header_count);
    case field::header_count:
      headers_ = unzigzag(number_);
      return headers_ >= 0 ? end_of_headers() : fail();
    case field::header_key_length:
      return begin_bytes(0, field::header_key, field::header_value_length);
    case field::header_value_length:
      --headers_;
      if (!begin_bytes(-1, field::header_value, field::header_key_length)) return false;
      return skip_ != 0 || end_of_headers();
    default:
      return fail();
  }
}

bool record_scanner::take_parts(std::uint8_t const*& at, std::uint8_t const* end) {
  while (at != end) {
    if (field_ == field::attributes) {
      ++at;
      --left_;
      field_ = field::timestamp;
      number_ = 0;
      continue;
    }
    if (skip_ != 0) {
      auto part = std::min<std::int64_t>(skip_, end - at);
      at += part;
      skip_ -= part;
      left_ -= part;
      if (skip_ != 0) return true;
      switch (field_) {
        case field::key:
          field_ = field::value_length;
          break;
        case field::value:
          field_ = field::header_count;
          break;
        case field::header_key:
          field_ = field::header_value_length;
          break;
        default:
          if (!end_of_headers()) return false;
          if (field_ == field::length) return true;
      }
      continue;
    }
    if (shift_ == 0) number_ = 0;
    bool whole = false;
    if (!take_number(at, end, whole)) return false;
    if (!whole) return true;
    if (!finish_number()) return false;
    if (field_ == field::length) return true;
  }
  return true;
}

}  // namespace karst::log
