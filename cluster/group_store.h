#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/partition_manager.h"
#include "log/batch_builder.h"
#include "net/wire/error_codes.h"

namespace karst::cluster {

// A record for __consumer_offsets.
struct record_to_store {
  std::string key;
  std::optional<std::string> value;  // nullopt: deletes the key
};

// What appending gave: the offset of the first record, and the end to wait for.
struct stored_records {
  log::offset first;
  log::offset end;
};

// Appends one batch to a partition of __consumer_offsets on this core. Calls take effect in the
// order in which they are made. Errors as Kafka's coordinator tells them: NOT_COORDINATOR (the
// partition is not here any more), COORDINATOR_NOT_AVAILABLE (no room in time),
// INVALID_COMMIT_OFFSET_SIZE (larger than a batch may be).
task<expected<stored_records, net::error_code>> append_group_records(
    partition_manager& partitions, log::log_id log, std::vector<record_to_store> records,
    wall_ms now, time_point deadline);

// Done when everything below `end` is durable. COORDINATOR_NOT_AVAILABLE at the deadline.
task<net::error_code> group_records_durable(partition_manager& partitions, log::log_id log,
                                            log::offset end, time_point deadline);

}  // namespace karst::cluster
