#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "log/types.h"

namespace karst::log {

// The files of a partition directory, by their suffix.
enum class segment_file : std::uint8_t { log, offset_index, time_index, txn_index, snapshot };

// What else a name may carry: being deleted, being written or swapped in by the cleaner.
enum class segment_suffix : std::uint8_t { none, deleted, cleaned, swap };

// A file name of a partition directory, taken apart: "00000000000000000042.timeindex.deleted".
struct segment_name {
  offset base;
  segment_file file = segment_file::log;
  segment_suffix suffix = segment_suffix::none;
  bool operator==(segment_name const&) const = default;
};

// 20 digits and the suffixes, as Kafka writes them.
std::string to_string(segment_name const& name);
inline std::string segment_file_name(offset base, segment_file file) {
  return to_string(segment_name{base, file});
}
// nullopt for any other file (partition.metadata, leader-epoch-checkpoint, what a person left
// there).
std::optional<segment_name> parse_segment_name(std::string_view name);

// What state a partition directory's name says it is in.
enum class directory_state : std::uint8_t {
  live,
  deleting,  // TOPIC-N.UNIQUE-delete: renamed, to be removed
  future,    // TOPIC-N.UNIQUE-future: being moved here from another log directory
  stray,     // TOPIC-N.UNIQUE-stray: not this broker's any more, kept for a person
};

// A directory of a log directory that holds a partition.
struct directory_name {
  std::string topic;
  std::int32_t partition = 0;
  directory_state state = directory_state::live;
  bool operator==(directory_name const&) const = default;
};

std::string partition_directory(std::string_view topic, std::int32_t partition);
// The name a directory gets when its removal begins; `unique` is 32 hexadecimal digits. Long topic
// names are cut so that the name fits the 255 bytes of a file name, as Kafka cuts them.
std::string deleting_directory(std::string_view topic, std::int32_t partition,
                               std::string_view unique);
// nullopt for anything that is not a partition's directory. Topic names are checked for length and
// characters: a directory name is never taken as a topic name because it merely ends in a number.
std::optional<directory_name> parse_partition_directory(std::string_view name);

}  // namespace karst::log
