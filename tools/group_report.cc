#include "tools/group_report.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace karst::tools {
namespace {

// So many members are named in an error; a group may have a thousand.
constexpr std::size_t members_named = 5;

std::set<std::string> topics_of(net::group_description const& group,
                                net::offsets_by_partition const& committed) {
  std::set<std::string> topics;
  for (auto const& [where, offset] : committed) topics.insert(where.topic);
  for (auto const& member : group.members) {
    topics.insert(member.subscribed.begin(), member.subscribed.end());
    for (auto const& [topic, partitions] : member.assigned) topics.insert(topic);
  }
  return topics;
}

std::string why_unread(group_report const& report, net::topic_partition const& where) {
  auto const& group = report.group;
  if (group.members.empty()) return "no member: the group has none";
  if (group.state != "Stable") return fmt::format("no member yet: the group is {}", group.state);
  auto wanted = std::ranges::any_of(group.members, [&](auto const& member) {
    return std::ranges::find(member.subscribed, where.topic) != member.subscribed.end();
  });
  if (!wanted) return "no member subscribes to the topic any more";
  return "no member: it was left out when the group last assigned its partitions (is it new?)";
}

}  // namespace

task<expected<group_report, error>> report_group(net::client& client, std::string name) {
  net::group_admin admin{client};
  auto described = co_await admin.describe(name);
  if (!described) co_return unexpected<error>(described.error());
  auto committed = co_await admin.offsets(name);
  if (!committed) co_return unexpected<error>(committed.error());
  group_report report{.group = std::move(*described)};
  std::set<net::topic_partition> all;
  for (auto const& [where, offset] : *committed) all.insert(where);
  auto topics = topics_of(report.group, *committed);
  auto known = co_await client.metadata(std::vector<std::string>{topics.begin(), topics.end()});
  if (!known) co_return unexpected<error>(known.error());
  for (auto const& topic : (*known)->topics) {
    for (auto const& each : topic.partitions) all.insert({topic.name.value_or(""), each.index});
  }
  for (std::size_t place = 0; place < report.group.members.size(); ++place) {
    for (auto const& [topic, partitions] : report.group.members[place].assigned) {
      for (auto each : partitions) {
        all.insert({topic, each});
        report.owners[{topic, each}] = place;
      }
    }
  }
  auto lags = co_await measure_lag(client, {all.begin(), all.end()}, std::move(*committed));
  if (!lags) co_return unexpected<error>(lags.error());
  report.partitions = std::move(*lags);
  co_return report;
}

std::vector<std::string> remarks(group_report const& report, partition_lag const& lag) {
  std::vector<std::string> all;
  if (lag.problem) {
    all.push_back(lag.problem->what);
    return all;
  }
  if (!lag.committed) {
    all.push_back(lag.end == lag.log_start
                      ? "nothing committed, and nothing to read"
                      : fmt::format("nothing committed: a member with auto.offset.reset=latest "
                                    "reads only what comes after {}",
                                    lag.end));
  } else if (*lag.committed < lag.log_start) {
    all.push_back(fmt::format("{} records were deleted before the group read them",
                              lag.log_start - *lag.committed));
  } else if (*lag.committed > lag.end) {
    all.push_back("committed beyond the end: was the topic deleted and created again?");
  }
  if (report.group.protocol_type != "consumer" && !report.group.members.empty()) return all;
  if (!report.owners.contains(lag.where)) all.push_back(why_unread(report, lag.where));
  return all;
}

std::string member_text(net::group_description::member const& member) {
  auto name = member.client_id.empty() ? member.id : member.client_id;
  if (member.instance_id) name += "/" + *member.instance_id;
  return fmt::format("{} ({})", name, member.host);
}

error has_members(net::group_description const& group, std::string_view what) {
  std::vector<std::string> names;
  for (auto const& each : group.members) {
    if (names.size() == members_named) break;
    names.push_back(member_text(each));
  }
  auto more = group.members.size() - names.size();
  return {errc::busy,
          fmt::format("cannot {} group {}: it has {} member{}: {}{}", what, group.id,
                      group.members.size(), group.members.size() == 1 ? "" : "s",
                      fmt::join(names, ", "), more > 0 ? fmt::format(" and {} more", more) : ""),
          "stop them, and try again; one that died leaves when its session ends"};
}

}  // namespace karst::tools
