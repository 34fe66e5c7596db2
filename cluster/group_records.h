#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "cluster/group.h"
#include "reactor/base/expected.h"

namespace karst::cluster {

// Where a group's next record is, for one partition of a topic, as a client committed it.
struct committed_offset {
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;  // of the last record read; -1: not told
  std::string metadata;            // the client's own
  wall_ms commit_timestamp = -1;
  wall_ms expire_timestamp = -1;  // only where a commit named its retention (OffsetCommit v2 to v4)
  bool operator==(committed_offset const&) const = default;
};

// The records of __consumer_offsets, in Kafka 3.9's own format (kafka.coordinator.group:
// GroupMetadataManager): keys of version 1 for offsets and 2 for groups, values of version 3, or of
// version 1 for an offset that names when it expires. A null value deletes.
std::string offset_record_key(std::string_view group, std::string_view topic,
                              std::int32_t partition);
std::string offset_record_value(committed_offset const& committed);
std::string group_record_key(std::string_view group);
std::string group_record_value(group_image const& group);

// What one record says. Views are into the key.
struct offset_record {
  std::string_view group;
  std::string_view topic;
  std::int32_t partition = 0;
  std::optional<committed_offset> value;  // nullopt: deleted
};
struct group_record {
  std::string_view group;
  std::optional<group_image> value;
};
// Of another kind, which newer Kafkas write: kept in the log, and otherwise passed over.
struct unknown_group_record {
  std::int16_t type = 0;
};
using any_group_record = std::variant<offset_record, group_record, unknown_group_record>;

// The error says what is wrong with the record.
expected<any_group_record, std::string> read_group_record(std::string_view key,
                                                          std::optional<std::string_view> value);

// Strings in these records have lengths of 16 bits: nothing longer can be a group's or member's
// name.
inline constexpr std::size_t longest_group_text = 32'767;

// The partition of __consumer_offsets that has a group: Java's String.hashCode over UTF-16, as
// every Kafka broker and tool computes it.
std::int32_t partition_of_group(std::string_view group, std::int32_t partitions);

}  // namespace karst::cluster
