#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "cluster/topic_typo.h"
#include "reactor/core.h"
#include "tools/doctor_checks.h"
#include "tools/time_text.h"

namespace karst::tools {
namespace {

// So many groups are looked at one by one; each costs a read of every partition with a lag.
constexpr std::size_t groups_examined = 200;
// Whoever is further behind than this is asked for twice, to see whether it moves.
constexpr double suspicious_seconds = 30;
constexpr duration time_to_move = 3s;

std::string records_text(std::int64_t records) {
  return fmt::format("{} record{}", records, records == 1 ? "" : "s");
}

void add_unread(group_report const& report, std::vector<finding>& found) {
  std::int64_t records = 0;
  double seconds = 0;
  std::set<std::string> topics;
  for (auto const& each : report.partitions) {
    if (each.problem || each.records.value_or(0) == 0 || report.owners.contains(each.where)) {
      continue;
    }
    records += *each.records;
    seconds = std::max(seconds, each.seconds.value_or(0));
    topics.insert(each.where.topic);
  }
  if (records == 0) return;
  auto const& group = report.group;
  auto what = fmt::format(
      "group {} has {} of {} unread, the oldest {} old, and no member reads "
      "them",
      group.id, records_text(records), fmt::join(topics, ", "), duration_text(seconds));
  if (group.members.empty()) {
    found.push_back({"group", what + ": it has no members",
                     "start its consumers, or delete it with `karst group delete " + group.id +
                         "` if it is not used any more"});
  } else if (group.state != "Stable") {
    found.push_back({"group", fmt::format("{}: it is {}", what, group.state),
                     "a member that does not join again is left out when its time-out ends; "
                     "`karst group describe " +
                         group.id + "` names the members"});
  } else {
    found.push_back({"group", what, "see why with `karst group describe " + group.id + "`"});
  }
}

void add_spares(group_report const& report, std::vector<finding>& found) {
  auto const& group = report.group;
  if (group.protocol_type != "consumer" || group.state != "Stable") return;
  auto idle = std::ranges::count_if(group.members, [](auto const& member) {
    return std::ranges::all_of(member.assigned,
                               [](auto const& topic) { return topic.second.empty(); });
  });
  if (idle == 0) return;
  found.push_back({"group",
                   fmt::format("group {} has {} members for {} partitions: {} of them read nothing",
                               group.id, group.members.size(), report.owners.size(), idle),
                   "add partitions, or stop members that are not meant as spares"});
}

void add_commits(group_report const& report, std::vector<finding>& found) {
  auto const& group = report.group;
  for (auto const& each : report.partitions) {
    if (each.problem) continue;
    if (each.committed && (*each.committed < each.log_start || *each.committed > each.end)) {
      found.push_back(
          {"group",
           fmt::format("group {} has committed offset {} of {}, which is outside of the log ({} to "
                       "{}): a member goes where its auto.offset.reset says",
                       group.id, *each.committed, each.where.text(), each.log_start, each.end),
           fmt::format("choose with `karst group reset {} --topic {}:{} ...`", group.id,
                       each.where.topic, each.where.partition)});
    }
    auto owner = report.owners.find(each.where);
    if (!each.committed && owner != report.owners.end() && each.end > each.log_start) {
      found.push_back(
          {"group",
           fmt::format("group {} has committed nothing of {}, which holds {}: with "
                       "auto.offset.reset=latest, the default, its member gets only what comes "
                       "from now on",
                       group.id, each.where.text(), records_text(each.end - each.log_start)),
           "set auto.offset.reset=earliest (--from-beginning) to read what is there"});
    }
  }
}

void add_subscriptions(examination& of, group_report const& report) {
  std::set<std::string> wanted;
  for (auto const& each : report.group.members) {
    wanted.insert(each.subscribed.begin(), each.subscribed.end());
  }
  for (auto const& topic : wanted) {
    auto same = [&](auto const& each) { return each.name == topic; };
    if (std::ranges::any_of(of.cluster.topics, same)) continue;
    std::string near;
    for (auto const& each : of.cluster.topics) {
      if (cluster::may_be_typo(topic, each.name.value_or(""))) near = each.name.value_or("");
    }
    of.add("group",
           fmt::format("group {} subscribes to topic {}, which does not exist", report.group.id,
                       topic),
           near.empty() ? "create it with `karst topic create " + topic + "`"
                        : fmt::format("did it mean {}?", near));
  }
}

// Members that read nothing though there is something: stuck in their own work, or dead with their
// session not yet ended.
task<> check_movement(examination& of, group_report report) {
  auto suspicious = [&](partition_lag const& each) {
    return each.committed && each.seconds.value_or(0) > suspicious_seconds &&
           report.owners.contains(each.where);
  };
  if (std::ranges::none_of(report.partitions, suspicious)) co_return;
  (void)co_await sleep_until{core::current().now() + time_to_move};
  auto now = co_await net::group_admin{of.client}.offsets(report.group.id);
  if (!now) co_return;
  for (auto const& each : report.partitions) {
    if (!suspicious(each)) continue;
    auto found = now->find(each.where);
    if (found == now->end() || found->second != *each.committed) continue;
    auto const& member = report.group.members[report.owners[each.where]];
    of.add(
        "group",
        fmt::format("member {} of group {} does not get on with {}: {} unread, the oldest {} "
                    "old, and nothing was committed in the last {} s",
                    member_text(member), report.group.id, each.where.text(),
                    records_text(*each.records), duration_text(*each.seconds), time_to_move / 1s),
        "look at that process: it may be stuck, dead for less than its session time-out, or "
        "commit only rarely");
  }
}

}  // namespace

std::vector<finding> findings_of(group_report const& report) {
  std::vector<finding> found;
  add_unread(report, found);
  add_spares(report, found);
  add_commits(report, found);
  return found;
}

task<> check_groups(examination& of) {
  auto groups = co_await net::group_admin{of.client}.list();
  if (!groups) {
    of.add("group", groups.error().what, groups.error().remedy);
    co_return;
  }
  for (auto const& each : *groups) {
    if (of.groups == groups_examined) break;
    // Of the newer kind (KIP-848) our client cannot ask.
    if (!each.type.empty() && each.type != "classic" && each.type != "Classic") continue;
    ++of.groups;
    auto report = co_await report_group(of.client, each.id);
    if (!report) {
      if (report.error().code == errc::not_found) continue;  // deleted meanwhile
      of.add("group", report.error().what, report.error().remedy);
      continue;
    }
    for (auto& found : findings_of(*report)) of.findings.push_back(std::move(found));
    add_subscriptions(of, *report);
    co_await check_movement(of, std::move(*report));
  }
}

}  // namespace karst::tools
