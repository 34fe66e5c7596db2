#include <nlohmann/json.hpp>

#include "tools/client_command.h"
#include "tools/commands.h"
#include "tools/group_report.h"
#include "tools/group_reset.h"
#include "tools/time_text.h"

namespace karst::tools {
namespace {

using json = nlohmann::json;

struct group_settings {
  client_settings client;
  std::vector<std::string> names;
  bool if_exists = false;
};

template <typename T>
json or_null(std::optional<T> const& value) {
  return value ? json(*value) : json(nullptr);
}

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }

task<expected<void, error>> list_groups(net::client& client, group_settings const& settings) {
  auto groups = co_await net::group_admin{client}.list();
  if (!groups) co_return unexpected<error>(groups.error());
  std::vector<std::vector<std::string>> rows;
  for (auto const& each : *groups) {
    if (settings.client.format == output_format::json) {
      fmt::print("{}\n", json{{"group", each.id},
                              {"state", each.state},
                              {"protocol_type", each.protocol_type},
                              {"type", each.type},
                              {"members", each.members}}
                             .dump());
    } else {
      rows.push_back({each.id, or_dash(each.state), or_dash(each.protocol_type),
                      fmt::to_string(each.members)});
    }
  }
  if (settings.client.format == output_format::json) co_return expected<void, error>{};
  if (rows.empty()) {
    fmt::print(stderr,
               "There are no groups yet; one appears when a consumer joins it, for example "
               "`karst consume TOPIC --group NAME`\n");
  } else {
    fmt::print("{}", format_table({"GROUP", "STATE", "PROTOCOL", "MEMBERS"}, rows));
  }
  co_return expected<void, error>{};
}

// --- describe

json to_json(net::group_description::member const& member) {
  json assigned = json::object();
  for (auto const& [topic, partitions] : member.assigned) assigned[topic] = partitions;
  return {{"member", member.id},           {"instance", or_null(member.instance_id)},
          {"client_id", member.client_id}, {"host", member.host},
          {"topics", member.subscribed},   {"partitions", assigned}};
}

json to_json(group_report const& report, partition_lag const& lag) {
  auto owner = report.owners.find(lag.where);
  auto const* member =
      owner == report.owners.end() ? nullptr : &report.group.members[owner->second];
  return {{"topic", lag.where.topic},
          {"partition", lag.where.partition},
          {"committed", or_null(lag.committed)},
          {"first_offset", lag.problem ? json(nullptr) : json(lag.log_start)},
          {"end_offset", lag.problem ? json(nullptr) : json(lag.end)},
          {"lag", or_null(lag.records)},
          {"lag_bytes", or_null(lag.bytes)},
          {"lag_bytes_exact", lag.bytes_exact},
          {"lag_seconds", or_null(lag.seconds)},
          {"member", member == nullptr ? json(nullptr) : json(member->id)},
          {"remarks", remarks(report, lag)}};
}

void print_json(group_report const& report) {
  auto members = json::array();
  for (auto const& each : report.group.members) members.push_back(to_json(each));
  auto partitions = json::array();
  for (auto const& each : report.partitions) partitions.push_back(to_json(report, each));
  fmt::print("{}\n", json{{"group", report.group.id},
                          {"state", report.group.state},
                          {"protocol_type", report.group.protocol_type},
                          {"assignor", report.group.assignor},
                          {"coordinator", report.group.coordinator},
                          {"members", members},
                          {"partitions", partitions}}
                         .dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string assigned_text(net::partitions_by_topic const& assigned) {
  std::vector<std::string> topics;
  for (auto const& [topic, partitions] : assigned) {
    if (!partitions.empty()) {
      topics.push_back(fmt::format("{}:{}", topic, fmt::join(partitions, ",")));
    }
  }
  return topics.empty() ? "none: there are more members than partitions"
                        : fmt::format("{}", fmt::join(topics, " "));
}

std::string bytes_text(partition_lag const& lag) {
  if (!lag.bytes) return "-";
  return lag.bytes_exact ? fmt::to_string(*lag.bytes) : fmt::format("~{}", *lag.bytes);
}

// Each remark once, with the partitions that it is about.
void print_remarks(group_report const& report) {
  constexpr std::size_t partitions_named = 5;
  std::vector<std::pair<std::string, std::vector<std::string>>> all;
  for (auto const& each : report.partitions) {
    for (auto& remark : remarks(report, each)) {
      auto known = std::ranges::find(all, remark, [](auto const& entry) { return entry.first; });
      if (known == all.end()) known = all.insert(all.end(), {std::move(remark), {}});
      known->second.push_back(each.where.text());
    }
  }
  for (auto& [remark, partitions] : all) {
    auto more = partitions.size() - std::min(partitions.size(), partitions_named);
    partitions.resize(partitions.size() - more);
    fmt::print("{}{}: {}\n", fmt::join(partitions, ", "),
               more > 0 ? fmt::format(" and {} more", more) : "", remark);
  }
}

void print_partitions(group_report const& report) {
  std::vector<std::vector<std::string>> rows;
  for (auto const& each : report.partitions) {
    auto owner = report.owners.find(each.where);
    auto number = [](std::optional<std::int64_t> value) {
      return value ? fmt::to_string(*value) : std::string{"-"};
    };
    rows.push_back(
        {each.where.topic, fmt::to_string(each.where.partition), number(each.committed),
         each.problem ? "-" : fmt::to_string(each.end), number(each.records), bytes_text(each),
         each.seconds ? duration_text(*each.seconds) : "-",
         owner == report.owners.end() ? "-" : member_text(report.group.members[owner->second])});
  }
  if (rows.empty()) {
    fmt::print("It reads no partition and has committed nothing\n");
    return;
  }
  fmt::print("{}", format_table({"TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "BYTES", "BEHIND",
                                 "MEMBER"},
                                rows));
  print_remarks(report);
}

void print_table(group_report const& report) {
  auto const& group = report.group;
  fmt::print("Group {}  state {}  protocol {}{}{}  coordinator {}\n", group.id, group.state,
             or_dash(group.protocol_type), group.assignor.empty() ? "" : "/", group.assignor,
             group.coordinator);
  std::vector<std::vector<std::string>> rows;
  for (auto const& each : group.members) {
    rows.push_back(
        {each.id, or_dash(each.instance_id.value_or("")), or_dash(each.client_id), each.host,
         group.protocol_type == "consumer" && group.state == "Stable" ? assigned_text(each.assigned)
                                                                      : "-"});
  }
  if (!rows.empty()) {
    fmt::print("{}", format_table({"MEMBER", "INSTANCE", "CLIENT", "HOST", "PARTITIONS"}, rows));
  }
  print_partitions(report);
}

task<expected<void, error>> describe_groups(net::client& client, group_settings const& settings) {
  std::vector<error> problems;
  for (auto const& name : settings.names) {
    auto report = co_await report_group(client, name);
    if (!report) {
      problems.push_back(report.error());
    } else if (settings.client.format == output_format::json) {
      print_json(*report);
    } else {
      print_table(*report);
    }
  }
  co_return outcome_of("group describe", problems);
}

// --- delete

task<expected<void, error>> delete_group(net::client& client, std::string name) {
  net::group_admin admin{client};
  auto removed = co_await admin.remove(name);
  if (removed || removed.error().code != errc::busy) co_return removed;
  // Who they are helps more than that there are some.
  auto described = co_await admin.describe(name);
  if (described && !described->members.empty()) {
    co_return unexpected<error>(has_members(*described, "delete"));
  }
  co_return removed;
}

task<expected<void, error>> delete_groups(net::client& client, group_settings const& settings) {
  std::vector<error> problems;
  for (auto const& name : settings.names) {
    auto deleted = co_await delete_group(client, name);
    auto missing = !deleted && deleted.error().code == errc::not_found;
    if (!deleted && !(missing && settings.if_exists)) {
      problems.push_back(deleted.error());
    } else if (settings.client.format == output_format::json) {
      fmt::print("{}\n", json{{"group", name}, {"deleted", !missing}}.dump());
    } else {
      fmt::print("{} group {}\n", missing ? "There was no" : "Deleted", name);
    }
  }
  co_return outcome_of("group delete", problems);
}

using group_action = task<expected<void, error>> (*)(net::client&, group_settings const&);

CLI::App* add_action(CLI::App& group, char const* name, char const* help, group_action action,
                     std::shared_ptr<group_settings>& settings, int& status) {
  settings = std::make_shared<group_settings>();
  auto* command = group.add_subcommand(name, help);
  add_client_options(*command, settings->client);
  add_format_option(*command, settings->client);
  command->callback([name, action, settings, &status] {
    status = run_client(fmt::format("group {}", name), settings->client,
                        [&](net::client& client) { return action(client, *settings); });
  });
  return command;
}

constexpr char const* describe_footer =
    "LAG counts records. BEHIND is the age of the first record that the group has not read, from\n"
    "its timestamp; 0 when there is none. BYTES are batches as they lie in the log: exact where\n"
    "what is unread fits into one read of 64 KiB, else (~) the share of the partition's size on\n"
    "disk that falls to the unread offsets. Each partition with a lag costs one such read.\n"
    "\n"
    "Examples:\n"
    "  karst group describe billing\n"
    "  karst group describe billing --json | jq '.partitions[] | {topic, partition, lag_seconds}'";

}  // namespace

void add_group(CLI::App& app, int& status) {
  auto* group = app.add_subcommand("group", "List, describe, reset and delete consumer groups");
  group->require_subcommand(1);
  group->footer(
      "Examples:\n"
      "  karst group describe billing\n"
      "  karst group reset billing --topic orders --to-earliest\n"
      "Each of them explains itself: karst group reset --help");
  std::shared_ptr<group_settings> settings;
  auto* list = add_action(*group, "list", "List groups", list_groups, settings, status);
  list->footer("Examples:\n  karst group list\n  karst group list --json | jq -r .group");
  auto* describe = add_action(*group, "describe",
                              "Show members, their partitions, and the lag of each partition",
                              describe_groups, settings, status);
  describe->add_option("GROUP", settings->names, "Groups to describe")->required();
  describe->footer(describe_footer);
  add_group_reset(*group, status);
  auto* remove = add_action(*group, "delete", "Delete groups that have no members, with offsets",
                            delete_groups, settings, status);
  remove->add_option("GROUP", settings->names, "Groups to delete")->required();
  remove->add_flag("--if-exists", settings->if_exists, "Succeed when the group does not exist");
  remove->footer("Example:\n  karst group delete billing");
}

}  // namespace karst::tools
