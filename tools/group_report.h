#pragma once

#include <map>
#include <string>
#include <vector>

#include "net/group_admin.h"
#include "tools/group_lag.h"

namespace karst::tools {

// All that there is to say about a group: who reads what, and how far behind.
struct group_report {
  net::group_description group;
  // Every partition of the topics that it subscribes to, reads, or has committed, in order.
  std::vector<partition_lag> partitions;
  std::map<net::topic_partition, std::size_t> owners;  // place in group.members
};

// not_found when there is no such group.
task<expected<group_report, error>> report_group(net::client& client, std::string name);

// What a person should know about this partition of the group; empty: nothing. Why no member reads
// it, that nothing is committed, that what was committed is gone.
std::vector<std::string> remarks(group_report const& report, partition_lag const& lag);

// "consumer-1 (127.0.0.1)", "consumer-1/pod-3 (10.0.0.7)": what a person knows a member by.
std::string member_text(net::group_description::member const& member);
// All of them, with what to do, for commands that a group with members refuses.
error has_members(net::group_description const& group, std::string_view what);

}  // namespace karst::tools
