#pragma once

#include <map>
#include <optional>
#include <string>

#include "cluster/group_offsets.h"
#include "cluster/partition_manager.h"
#include "log/decompressor.h"
#include "reactor/abort.h"

namespace karst::cluster {

// A group as the log has it.
struct loaded_group {
  std::optional<group_image> image;  // nullopt: only offsets were committed
  group_offsets offsets;
};
using loaded_groups = std::map<std::string, loaded_group, std::less<>>;

struct group_load {
  loaded_groups groups;
  std::uint64_t records = 0;
};

// Replays a partition of __consumer_offsets on its core, from its start to its present end, giving
// others their turn after every slice. Errors: what of the log could not be read; `stop` ends it
// with errc::aborted. A record of a kind that is not known here is passed over.
task<expected<group_load, error>> load_groups(partition_manager& partitions, log::log_id log,
                                              abort_source& stop);

}  // namespace karst::cluster
