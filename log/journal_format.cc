#include "log/journal_format.h"

#include <charconv>

#include "log/byte_stream.h"
#include "reactor/base/hash.h"

namespace karst::log {
namespace {

constexpr std::uint64_t file_magic = 0x4c4e524a54534b4b;  // "KKSTJRNL"
constexpr std::uint32_t group_magic = 0x50524b4b;         // "KKRP"
constexpr std::uint32_t clean_flag = 1;
constexpr std::uint32_t written_flag = 1;
constexpr std::uint32_t settled_flag = 2;
constexpr std::uint32_t unused_flag = 4;
constexpr std::string_view file_prefix = "karst-journal-";

// The checksum stands last: over everything before it.
void seal(std::span<std::byte> bytes, std::size_t size) {
  store_le(bytes.data() + size - 8, hash_bytes(bytes.data(), size - 8));
}
bool sealed(std::span<std::byte const> bytes, std::size_t size) {
  return load_le<std::uint64_t>(bytes.data() + size - 8) == hash_bytes(bytes.data(), size - 8);
}

}  // namespace

void journal_file_header::encode(std::span<std::byte> to) const {
  byte_writer out{to};
  out.put(file_magic);
  out.put(journal_version);
  out.put(static_cast<std::uint32_t>(core));
  out.put(number);
  out.put(in_flight);
  out.put(file_bytes);
  out.put(run);
  out.put(start);
  out.put((written ? written_flag : 0U) | (settled ? settled_flag : 0U) |
          (unused ? unused_flag : 0U));
  seal(to, encoded_bytes);
}

std::optional<journal_file_header> journal_file_header::decode(std::span<std::byte const> from) {
  if (from.size() < encoded_bytes || !sealed(from, encoded_bytes)) return std::nullopt;
  byte_reader in{from};
  if (in.take<std::uint64_t>() != file_magic) return std::nullopt;
  if (in.take<std::uint32_t>() != journal_version) return std::nullopt;
  journal_file_header header;
  header.core = static_cast<core_id>(in.take<std::uint32_t>());
  header.number = in.take<std::uint32_t>();
  header.in_flight = in.take<std::uint32_t>();
  header.file_bytes = in.take<std::uint64_t>();
  header.run = in.take<std::uint64_t>();
  header.start = in.take<std::uint32_t>();
  auto flags = in.take<std::uint32_t>();
  header.written = (flags & written_flag) != 0;
  header.settled = (flags & settled_flag) != 0;
  header.unused = (flags & unused_flag) != 0;
  return header;
}

void group_header::encode(std::span<std::byte> to) const {
  byte_writer out{to};
  out.put(group_magic);
  out.put(clean ? clean_flag : std::uint32_t{0});
  out.put(run);
  out.put(sequence);
  out.put(live_from);
  out.put(bytes);
  out.put(entry_bytes);
  out.put(previous_hash);
  out.put(hash);
  out.put(std::uint64_t{0});
  out.put(std::uint64_t{0});
  out.put(std::uint64_t{0});
  seal(to, encoded_bytes);
}

std::optional<group_header> group_header::decode(std::span<std::byte const> from) {
  if (from.size() < encoded_bytes) return std::nullopt;
  if (load_le<std::uint32_t>(from.data()) != group_magic) return std::nullopt;
  if (!sealed(from, encoded_bytes)) return std::nullopt;
  byte_reader in{from.subspan(4)};
  group_header header;
  header.clean = (in.take<std::uint32_t>() & clean_flag) != 0;
  header.run = in.take<std::uint64_t>();
  header.sequence = in.take<std::uint64_t>();
  header.live_from = in.take<std::uint64_t>();
  header.bytes = in.take<std::uint32_t>();
  header.entry_bytes = in.take<std::uint32_t>();
  header.previous_hash = in.take<std::uint64_t>();
  header.hash = in.take<std::uint64_t>();
  if (header.bytes % block_size != 0 || header.entry_bytes > header.bytes) return std::nullopt;
  if (header.entry_bytes < encoded_bytes) return std::nullopt;
  return header;
}

std::string journal_file_name(core_id core, std::uint32_t number) {
  return fmt::format("{}{}-{}", file_prefix, core, number);
}

std::optional<journal_file_id> parse_journal_file_name(std::string_view name) {
  if (!name.starts_with(file_prefix)) return std::nullopt;
  name.remove_prefix(file_prefix.size());
  journal_file_id id;
  auto const* end = name.data() + name.size();
  auto core = std::from_chars(name.data(), end, id.core);
  if (core.ec != std::errc{} || core.ptr == end || *core.ptr != '-') return std::nullopt;
  auto number = std::from_chars(core.ptr + 1, end, id.number);
  if (number.ec != std::errc{} || number.ptr != end) return std::nullopt;
  return id;
}

}  // namespace karst::log
