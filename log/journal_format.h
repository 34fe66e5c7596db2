#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "log/types.h"
#include "reactor/base/units.h"
#include "reactor/buffer.h"

namespace karst::log {

// The bytes of a journal file (STORAGE.md 1, 2): one block of header, then groups. All fields are
// little-endian. A group is a header, entries, padding to 4,096, and then the bodies of large
// batches, each a multiple of 4,096, in the order of their entries.

inline constexpr std::uint32_t journal_version = 1;
// A group is at most this long unless it holds one batch that alone is longer.
inline constexpr std::size_t group_limit = 512 * KiB;
// Groups of one journal that may be in flight at once. Recovery takes a valid group farther than
// this behind the first bad one for damage.
inline constexpr std::uint32_t groups_in_flight = 2;

// One journal of one run: every start of the process takes new nonces, so that what an earlier run
// left in a file never counts. Written again, within its first sector, when one of the last three
// facts changes.
struct journal_file_header {
  static constexpr std::size_t encoded_bytes = 56;
  core_id core = 0;
  std::uint32_t number = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t run = 0;
  std::uint32_t in_flight = groups_in_flight;
  std::uint32_t start = 0;  // counts the starts of the directory
  bool written = false;     // every block was written once: fit for another run as it is
  // All that journals of earlier starts decided is durable elsewhere, unless a log stays offline:
  // from here on some of their files may be gone.
  bool settled = false;
  // No group of this run was written to the file: durable before the first one is, the opposite is,
  // so recovery need not look for strays in it (I-5).
  bool unused = false;

  void encode(std::span<std::byte> to) const;
  // nullopt: not a journal header of this version, or damaged.
  static std::optional<journal_file_header> decode(std::span<std::byte const> from);
};

struct group_header {
  static constexpr std::size_t encoded_bytes = 80;
  std::uint64_t run = 0;
  std::uint64_t sequence = 0;       // rises by one from group to group of a run; the first is 1
  std::uint64_t live_from = 0;      // groups before this one are not needed (I-9: never falls)
  std::uint32_t bytes = 0;          // of the whole group, a multiple of 4,096
  std::uint32_t entry_bytes = 0;    // header and entries, before the padding
  std::uint64_t previous_hash = 0;  // the hash of the group before; the run's nonce for the first
  std::uint64_t hash = 0;           // XXH3 of entries and bodies, seeded with previous_hash
  bool clean = false;               // written at the end of a clean stop: nothing follows

  void encode(std::span<std::byte> to) const;
  // nullopt: not a group header, or its own checksum is wrong.
  static std::optional<group_header> decode(std::span<std::byte const> from);
};

// "karst-journal-<core>-<number>": a file, because Kafka refuses to start on unknown directories.
std::string journal_file_name(core_id core, std::uint32_t number);
struct journal_file_id {
  core_id core = 0;
  std::uint32_t number = 0;
};
std::optional<journal_file_id> parse_journal_file_name(std::string_view name);

}  // namespace karst::log
