#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/client.h"

namespace karst::tools {

// Where a group is to be put.
struct reset_target {
  enum class kind : std::uint8_t { earliest, latest, current, offset, time, shift };
  kind to = kind::latest;
  std::int64_t number = 0;  // offset; milliseconds since 1970; records, back when negative
};

// What the plan has to know of a partition.
struct reset_facts {
  net::topic_partition where;
  std::optional<std::int64_t> committed;
  std::int64_t log_start = 0;
  std::int64_t end = 0;
  std::optional<std::int64_t> at_time;  // the first offset at or after the target's time
};

struct planned_reset {
  net::topic_partition where;
  std::optional<std::int64_t> from;
  std::int64_t to = 0;
  std::string note;  // why it is not where it was asked to be
};

// What lies outside of the log goes to its nearer end, and the note says so. An error where there
// is nothing to count from.
expected<planned_reset, error> plan_reset(reset_target const& target, reset_facts const& facts);

// "orders" (all partitions), or "orders:0,2".
struct topic_choice {
  std::string topic;
  std::vector<std::int32_t> partitions;  // none: all
};
expected<topic_choice, error> parse_topic_choice(std::string_view text);

}  // namespace karst::tools
