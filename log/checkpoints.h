#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/epoch_cache.h"
#include "log/types.h"
#include "reactor/base/uuid.h"

namespace karst::log {

// The small text files that Kafka keeps beside its logs: their names, and their text as bytes. Pure
// functions; whoever writes a file writes a new one, syncs it and renames it. Parsers answer
// nullopt for a file that is torn, of another version, or counts wrongly: such a file is derived
// data or a hint, and the caller does without it.

inline constexpr std::string_view epoch_checkpoint_file = "leader-epoch-checkpoint";
inline constexpr std::string_view recovery_point_file = "recovery-point-offset-checkpoint";
inline constexpr std::string_view log_start_file = "log-start-offset-checkpoint";
inline constexpr std::string_view replication_file =
    "replication-offset-checkpoint";  // high watermarks
inline constexpr std::string_view cleaner_file =
    "cleaner-offset-checkpoint";  // up to where logs are compacted
inline constexpr std::string_view partition_metadata_file = "partition.metadata";
inline constexpr std::string_view clean_shutdown_file = ".kafka_cleanshutdown";

// leader-epoch-checkpoint of one partition directory.
std::string encode_epochs(std::vector<epoch_start> const& epochs);
std::optional<std::vector<epoch_start>> parse_epochs(std::string_view text);

// One line of an offset checkpoint of a log directory.
struct offset_checkpoint {
  std::string topic;
  std::int32_t partition = 0;
  offset at;
  bool operator==(offset_checkpoint const&) const = default;
};
std::string encode_offsets(std::vector<offset_checkpoint> const& entries);
std::optional<std::vector<offset_checkpoint>> parse_offsets(std::string_view text);

// partition.metadata of one partition directory: the topic id.
std::string encode_partition_metadata(uuid const& topic_id);
std::optional<uuid> parse_partition_metadata(std::string_view text);

}  // namespace karst::log
