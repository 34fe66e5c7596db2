#include "log/journal_entry.h"

namespace karst::log {
namespace {

constexpr std::size_t prefix_bytes = 8;

void put_prefix(byte_writer& out, entry_type type, std::size_t bytes) {
  out.put(static_cast<std::uint32_t>(type));
  out.put(static_cast<std::uint32_t>(bytes));
}

std::optional<decoded_entry> decode_append(byte_reader& in) {
  decoded_append entry;
  entry.id.value = in.take<std::uint64_t>();
  entry.generation.value = in.take<std::uint32_t>();
  entry.records = in.take<std::int32_t>();
  entry.base.value = in.take<std::int64_t>();
  entry.where.segment.value = in.take<std::int64_t>();
  entry.where.at.value = in.take<std::uint64_t>();
  entry.head_bytes = in.take<std::uint32_t>();
  entry.body_bytes = in.take<std::uint32_t>();
  entry.end_bytes = in.take<std::uint32_t>();
  in.take_bytes(append_entry::encoded_bytes - prefix_bytes - 52);
  entry.head = in.take_bytes(entry.head_bytes);
  entry.end = in.take_bytes(entry.end_bytes);
  if (in.failed() || entry.body_bytes % block_size != 0) return std::nullopt;
  return entry;
}

std::optional<decoded_entry> decode_truncate(byte_reader& in) {
  truncate_entry entry;
  entry.id.value = in.take<std::uint64_t>();
  entry.generation.value = in.take<std::uint32_t>();
  in.take<std::uint32_t>();
  entry.end.value = in.take<std::int64_t>();
  entry.where.segment.value = in.take<std::int64_t>();
  entry.where.at.value = in.take<std::uint64_t>();
  if (in.failed()) return std::nullopt;
  return entry;
}

std::optional<decoded_entry> decode_remove(byte_reader& in) {
  remove_entry entry;
  entry.id.value = in.take<std::uint64_t>();
  entry.generation.value = in.take<std::uint32_t>();
  if (in.failed()) return std::nullopt;
  return entry;
}

}  // namespace

void append_entry::encode(std::span<std::byte> to) const {
  byte_writer out{to};
  put_prefix(out, entry_type::append, inline_bytes());
  out.put(id.value);
  out.put(generation.value);
  out.put(records);
  out.put(base.value);
  out.put(where.segment.value);
  out.put(where.at.value);
  out.put(head_bytes);
  out.put(body_bytes);
  out.put(end_bytes);
  std::memset(to.data() + out.written(), 0, encoded_bytes - out.written());
}

std::size_t encoded_bytes(log_state const& state) { return prefix_bytes + state.encoded_bytes(); }

void encode_state(log_state const& state, entry_type type, std::span<std::byte> to) {
  byte_writer out{to};
  put_prefix(out, type, encoded_bytes(state));
  state.encode(out);
}

void encode(remove_entry const& entry, std::span<std::byte> to) {
  byte_writer out{to};
  put_prefix(out, entry_type::remove, remove_entry_bytes);
  out.put(entry.id.value);
  out.put(entry.generation.value);
  out.put(std::uint32_t{0});
}

void encode(truncate_entry const& entry, std::span<std::byte> to) {
  byte_writer out{to};
  put_prefix(out, entry_type::truncate, truncate_entry_bytes);
  out.put(entry.id.value);
  out.put(entry.generation.value);
  out.put(std::uint32_t{0});
  out.put(entry.end.value);
  out.put(entry.where.segment.value);
  out.put(entry.where.at.value);
}

std::optional<decoded_entry> entry_cursor::next() {
  if (left_.empty() || failed_) return std::nullopt;
  failed_ = true;
  byte_reader prefix{left_};
  auto type = static_cast<entry_type>(prefix.take<std::uint32_t>() & 0xff);
  auto bytes = prefix.take<std::uint32_t>();
  if (prefix.failed() || bytes < prefix_bytes || bytes > left_.size()) return std::nullopt;
  byte_reader in{left_.subspan(prefix_bytes, bytes - prefix_bytes)};
  std::optional<decoded_entry> entry;
  switch (type) {
    case entry_type::append:
      entry = decode_append(in);
      break;
    case entry_type::truncate:
      entry = decode_truncate(in);
      break;
    case entry_type::remove:
      entry = decode_remove(in);
      break;
    case entry_type::state:
    case entry_type::create: {
      log_state state;
      if (state.decode(in)) entry = std::move(state);
      break;
    }
    case entry_type::direct:
      break;
  }
  if (!entry) return std::nullopt;
  left_ = left_.subspan(bytes);
  failed_ = false;
  return entry;
}

}  // namespace karst::log
