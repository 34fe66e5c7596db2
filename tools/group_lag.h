#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "net/group_admin.h"
#include "reactor/base/units.h"

namespace karst::tools {

// What a group has not read of one partition.
struct partition_lag {
  net::topic_partition where;
  std::optional<std::int64_t> committed;
  std::int64_t log_start = 0;
  std::int64_t end = 0;  // of what a consumer may read: the last stable offset
  // Without a commit nobody knows where the group will begin: these are empty then.
  std::optional<std::int64_t> records;
  std::optional<std::uint64_t> bytes;
  bool bytes_exact = false;
  std::optional<double> seconds;  // age of the first unread record; 0: nothing unread
  std::optional<error> problem;   // the partition could not be asked
};

// What the first bytes of the unread part show.
struct unread_sample {
  std::int64_t next = 0;                 // the offset after the last whole batch
  std::uint64_t bytes = 0;               // of batches, counted from the first unread record
  std::optional<wall_ms> first_written;  // timestamp of the first unread record
};

// `batches`: as fetched at `from`. Of a batch that begins before `from` only the unread share of
// its bytes counts.
unread_sample sample_unread(std::span<std::byte const> batches, std::int64_t from);

struct byte_lag {
  std::uint64_t bytes = 0;
  bool exact = false;  // to the batch
};

// Where the sample reaches the end, its bytes; else the share of the partition's size on disk, if
// that is known (`partition_bytes`), or of the sample, that falls to the unread offsets.
byte_lag bytes_behind(unread_sample const& sample, partition_lag const& lag,
                      std::optional<std::int64_t> partition_bytes);

// Seconds from a record's timestamp until now; what is stamped in the future is not behind.
double seconds_behind(wall_ms first_written, wall_ms now);

// Of these partitions, in their order: the end and the start of each log, its size from
// DescribeLogDirs, and one read of at most 64 KiB where something is unread.
task<expected<std::vector<partition_lag>, error>> measure_lag(
    net::client& client, std::vector<net::topic_partition> partitions,
    net::offsets_by_partition committed);

}  // namespace karst::tools
