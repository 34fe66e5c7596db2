#pragma once

#include <span>
#include <variant>

#include "log/log_state.h"

namespace karst::log {

// What a group says about one log. On disk: type (8 bits), 24 bits of zero, the length of the
// entry with this prefix (32 bits), then its fields. `direct` is reserved (STORAGE.md 9).
enum class entry_type : std::uint8_t {
  append = 1,
  state = 2,
  truncate = 3,
  create = 4,
  remove = 5,
  direct = 6
};

// One batch. Its bytes are an inline head, a body behind the group's entries (a multiple of 4,096,
// gathered from the tail by the journal's write) and an inline end; small batches are all head.
struct append_entry {
  static constexpr std::size_t encoded_bytes = 72;  // with the prefix, without the inline bytes
  log_id id;
  log::generation generation;
  std::int32_t records = 0;  // offsets taken
  offset base;
  log_position where;
  std::uint32_t head_bytes = 0;
  std::uint32_t body_bytes = 0;
  std::uint32_t end_bytes = 0;

  std::uint64_t size() const { return std::uint64_t{head_bytes} + body_bytes + end_bytes; }
  std::size_t inline_bytes() const { return encoded_bytes + head_bytes + end_bytes; }
  offset next() const { return base + records; }
  // Writes prefix and fields; the caller puts head and end right behind.
  void encode(std::span<std::byte> to) const;
};

// The log ends here now (a follower's truncation); `state` follows it in the same group.
struct truncate_entry {
  log_id id;
  log::generation generation;
  offset end;
  log_position where;
};

// The log is gone; its id is never used again.
struct remove_entry {
  log_id id;
  log::generation generation;
};

struct decoded_append : append_entry {
  std::span<std::byte const> head;
  std::span<std::byte const> end;
};

// One entry as read back; spans point into the group.
using decoded_entry = std::variant<decoded_append, log_state, truncate_entry, remove_entry>;

// `create` is a state that also says that the log is new.
std::size_t encoded_bytes(log_state const& state);
void encode_state(log_state const& state, entry_type type, std::span<std::byte> to);
inline constexpr std::size_t remove_entry_bytes = 24;
void encode(remove_entry const& entry, std::span<std::byte> to);
inline constexpr std::size_t truncate_entry_bytes = 48;
void encode(truncate_entry const& entry, std::span<std::byte> to);

// Walks the entries of a group whose hash was right: malformed entries are damage or a newer
// format, never a torn write.
class entry_cursor {
 public:
  explicit entry_cursor(std::span<std::byte const> entries) : left_(entries) {}
  std::optional<decoded_entry> next();
  bool failed() const { return failed_; }

 private:
  std::span<std::byte const> left_;
  bool failed_ = false;
};

}  // namespace karst::log
