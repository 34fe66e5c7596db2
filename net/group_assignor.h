#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace karst::net {

// Partitions by topic, both in order.
using partitions_by_topic = std::map<std::string, std::vector<std::int32_t>, std::less<>>;

// Between the consumer protocol's lists and these. A list that is malformed, or empty as some
// leaders leave it for members that get nothing, assigns nothing.
partitions_by_topic assigned_in(std::string_view assignment_bytes);
std::string to_assignment_bytes(partitions_by_topic const& assigned);

// A member as the leader of a group sees it.
struct group_subscriber {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::vector<std::string> topics;
};

using group_assignments = std::map<std::string, partitions_by_topic>;  // by member id

// Kafka's RangeAssignor: of each topic, every member that wants it gets a run of neighbours; the
// first ones get one more where it does not divide. Members are in the order of their instance id
// or else their member id, static ones first, so that all implementations give the same. Topics
// that `partition_counts` does not have are left out.
group_assignments assign_range(std::vector<group_subscriber> members,
                               std::map<std::string, std::int32_t> const& partition_counts);
// Kafka's RoundRobinAssignor: all partitions of all topics dealt out one by one.
group_assignments assign_round_robin(std::vector<group_subscriber> members,
                                     std::map<std::string, std::int32_t> const& partition_counts);

}  // namespace karst::net
