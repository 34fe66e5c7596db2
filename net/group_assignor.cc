#include "net/group_assignor.h"

#include <algorithm>
#include <tuple>

#include "net/consumer_protocol.h"

namespace karst::net {
namespace {

// What everybody since Kafka 2.4 sends, and older members read.
constexpr std::int16_t assignment_version = 1;

// Kafka's order of members (AbstractPartitionAssignor.MemberInfo): by instance id where both have
// one, those that have one first, the others by member id.
void sort_members(std::vector<group_subscriber>& members) {
  std::ranges::sort(members, {}, [](group_subscriber const& each) {
    return std::tuple{!each.instance_id.has_value(), each.instance_id.value_or(""), each.member_id};
  });
}

bool subscribes(group_subscriber const& member, std::string const& topic) {
  return std::ranges::find(member.topics, topic) != member.topics.end();
}

group_assignments nothing_for_all(std::vector<group_subscriber> const& members) {
  group_assignments assignments;
  for (auto const& each : members) assignments[each.member_id];
  return assignments;
}

}  // namespace

partitions_by_topic assigned_in(std::string_view assignment_bytes) {
  partitions_by_topic assigned;
  auto parsed = parse_assignment(assignment_bytes);
  if (!parsed) return assigned;
  for (auto& each : parsed->partitions) {
    std::ranges::sort(each.partitions);
    assigned[each.topic] = std::move(each.partitions);
  }
  return assigned;
}

std::string to_assignment_bytes(partitions_by_topic const& assigned) {
  consumer_assignment all{.version = assignment_version};
  for (auto const& [topic, partitions] : assigned) all.partitions.push_back({topic, partitions});
  return to_bytes(all);
}

group_assignments assign_range(std::vector<group_subscriber> members,
                               std::map<std::string, std::int32_t> const& partition_counts) {
  sort_members(members);
  auto assignments = nothing_for_all(members);
  for (auto const& [topic, partitions] : partition_counts) {
    std::vector<std::string> wanting;
    for (auto const& each : members) {
      if (subscribes(each, topic)) wanting.push_back(each.member_id);
    }
    if (wanting.empty()) continue;
    auto const takers = static_cast<std::int32_t>(wanting.size());
    std::int32_t next = 0;
    for (std::int32_t place = 0; place < takers; ++place) {
      auto share = partitions / takers + (place < partitions % takers ? 1 : 0);
      for (; share > 0; --share) {
        assignments[wanting[static_cast<std::size_t>(place)]][topic].push_back(next++);
      }
    }
  }
  return assignments;
}

group_assignments assign_round_robin(std::vector<group_subscriber> members,
                                     std::map<std::string, std::int32_t> const& partition_counts) {
  sort_members(members);
  auto assignments = nothing_for_all(members);
  std::size_t turn = 0;
  for (auto const& [topic, partitions] : partition_counts) {
    auto wanted = [&](group_subscriber const& each) { return subscribes(each, topic); };
    if (std::ranges::none_of(members, wanted)) continue;
    for (std::int32_t partition = 0; partition < partitions; ++partition) {
      while (!wanted(members[turn % members.size()])) ++turn;
      assignments[members[turn % members.size()].member_id][topic].push_back(partition);
      ++turn;
    }
  }
  return assignments;
}

}  // namespace karst::net
