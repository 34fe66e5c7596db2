#include "log/record_stream.h"

#include "log/limits.h"
#include "reactor/base/varint.h"

namespace karst::log {
namespace {

// Memory for a record that spans slices which is kept for the next batch.
constexpr std::size_t kept_partial = MiB;

// A record's length field and what follows it.
struct framing {
  std::size_t head = 0;  // bytes of the length field; 0: not all of it is there
  std::size_t size = 0;  // of the record, the length field included
};

expected<framing, errc> frame(std::span<std::byte const> bytes) {
  auto const* at = reinterpret_cast<std::uint8_t const*>(bytes.data());
  std::uint64_t raw = 0;
  auto used = read_varint(at, at + bytes.size(), raw, max_varint32_bytes);
  if (used == 0) {
    if (bytes.size() >= max_varint32_bytes) return std::unexpected(errc::invalid_record);
    return framing{};
  }
  auto const length = unzigzag(raw);
  if (length < 1) return std::unexpected(errc::invalid_record);
  return framing{used, used + static_cast<std::size_t>(length)};
}

struct field_reader {
  std::uint8_t const* at;
  std::uint8_t const* end;
  bool failed = false;

  std::int64_t number(std::size_t max_bytes) {
    std::uint64_t raw = 0;
    auto used = failed ? 0 : read_varint(at, end, raw, max_bytes);
    if (used == 0) failed = true;
    at += used;
    return unzigzag(raw);
  }
  // The length of a key or value, -1 for none; fails when it goes beyond the end.
  std::int64_t length() {
    auto const bytes = number(max_varint32_bytes);
    if (bytes < -1 || bytes > end - at) failed = true;
    return failed ? -1 : bytes;
  }
};

bool parse(std::span<std::byte const> bytes, std::size_t head, raw_record& record) {
  auto const* begin = reinterpret_cast<std::uint8_t const*>(bytes.data());
  field_reader in{begin + head + 1, begin + bytes.size()};  // behind the attributes
  record.bytes = bytes;
  record.timestamp_delta = in.number(max_varint64_bytes);
  record.after_timestamp = static_cast<std::size_t>(in.at - begin);
  record.offset_delta = static_cast<std::int32_t>(in.number(max_varint32_bytes));
  auto const key_bytes = in.length();
  if (in.failed) return false;
  if (key_bytes >= 0) {
    record.key = {reinterpret_cast<std::byte const*>(in.at), static_cast<std::size_t>(key_bytes)};
    in.at += key_bytes;
  }
  auto const value_bytes = in.length();
  if (in.failed) return false;
  record.has_value = value_bytes >= 0;
  in.at += std::max<std::int64_t>(value_bytes, 0);
  return in.number(max_varint32_bytes) >= 0 && !in.failed;  // headers stay as they are
}

}  // namespace

void record_stream::start(buffer_chain const& batch, batch_header const& header,
                          std::size_t most_output) {
  left_ = header.record_count;
  partial_.clear();
  if (partial_.capacity() > kept_partial) partial_.shrink_to_fit();
  given_ = false;
  unknown_codec_ = header.codec_bits() >= codec_count;
  if (unknown_codec_) return;
  inflate_.start(header.compression(), batch, batch_layout::records,
                 batch.size() - batch_layout::records, most_output);
}

expected<bool, errc> record_stream::next(std::span<std::byte const>& bytes, raw_record& record) {
  if (std::exchange(given_, false)) partial_.clear();
  if (!partial_.empty()) {
    auto whole = complete(bytes);
    if (!whole || !*whole) return whole;
    given_ = true;
    auto const framed = frame(partial_);
    if (!parse(partial_, framed->head, record)) return std::unexpected(errc::invalid_record);
    return true;
  }
  auto framed = frame(bytes);
  if (!framed) return std::unexpected(framed.error());
  if (framed->head == 0 || framed->size > bytes.size()) {
    if (framed->size > limit::compacted_record) return std::unexpected(errc::batch_too_large);
    partial_.assign(bytes.begin(), bytes.end());
    bytes = {};
    return false;
  }
  if (!parse(bytes.first(framed->size), framed->head, record)) {
    return std::unexpected(errc::invalid_record);
  }
  bytes = bytes.subspan(framed->size);
  return true;
}

expected<bool, errc> record_stream::complete(std::span<std::byte const>& bytes) {
  while (!bytes.empty()) {
    auto framed = frame(partial_);
    if (!framed) return std::unexpected(framed.error());
    if (framed->size > limit::compacted_record) return std::unexpected(errc::batch_too_large);
    if (framed->head != 0 && framed->size == partial_.size()) return true;
    auto const wanted = framed->head == 0 ? 1 : framed->size - partial_.size();
    auto const part = bytes.first(std::min(wanted, bytes.size()));
    partial_.insert(partial_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
  }
  auto framed = frame(partial_);
  if (!framed) return std::unexpected(framed.error());
  return framed->head != 0 && framed->size == partial_.size();
}

std::size_t most_inflated(std::int64_t max_message_bytes, std::size_t batch_bytes) {
  auto const largest = std::max(static_cast<std::size_t>(max_message_bytes), batch_bytes);
  return std::max(largest * limit::inflate_factor, limit::inflate_least);
}

}  // namespace karst::log
