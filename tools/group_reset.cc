#include "tools/group_reset.h"

#include <nlohmann/json.hpp>
#include <set>

#include "net/group_admin.h"
#include "reactor/core.h"
#include "tools/client_command.h"
#include "tools/group_report.h"
#include "tools/reset_plan.h"
#include "tools/time_text.h"

namespace karst::tools {
namespace {

using json = nlohmann::json;

struct reset_settings {
  client_settings client;
  std::string group;
  std::vector<std::string> topics;
  bool all_topics = false;
  bool to_earliest = false;
  bool to_latest = false;
  bool to_current = false;
  std::optional<std::int64_t> to_offset;
  std::string to_time;
  std::string by_duration;
  std::optional<std::int64_t> shift_by;
  bool execute = false;
};

expected<reset_target, error> target_of(reset_settings const& settings, wall_ms now) {
  using enum reset_target::kind;
  if (settings.to_earliest) return reset_target{earliest};
  if (settings.to_latest) return reset_target{latest};
  if (settings.to_current) return reset_target{current};
  if (settings.to_offset) return reset_target{offset, *settings.to_offset};
  if (settings.shift_by) return reset_target{shift, *settings.shift_by};
  if (!settings.to_time.empty()) {
    if (auto at = parse_time(settings.to_time)) return reset_target{time, *at};
    return fail(errc::invalid, "write milliseconds since 1970, or 2026-09-21T10:15:30Z",
                "'{}' is not a time", settings.to_time);
  }
  if (auto back = parse_duration(settings.by_duration)) return reset_target{time, now - *back};
  return fail(errc::invalid, "write 90s, 1h30m, 2d or PT1H30M", "'{}' is not a duration",
              settings.by_duration);
}

// The partitions that the command line names; with --all-topics those that the group has committed.
task<expected<std::set<net::topic_partition>, error>> choose(
    net::client& client, reset_settings const& settings,
    net::offsets_by_partition const& committed) {
  std::set<net::topic_partition> chosen;
  if (settings.all_topics) {
    for (auto const& [where, offset] : committed) chosen.insert(where);
    if (chosen.empty()) {
      co_return fail(errc::invalid, "name topics with --topic",
                     "group {} has committed nothing yet: --all-topics means no topic",
                     settings.group);
    }
  }
  for (auto const& text : settings.topics) {
    auto choice = parse_topic_choice(text);
    if (!choice) co_return unexpected<error>(choice.error());
    auto count = co_await client.partition_count(choice->topic, false);
    if (!count) co_return unexpected<error>(count.error());
    for (auto each : choice->partitions) {
      if (each >= *count) {
        co_return fail(errc::not_found, "", "topic {} has partitions 0 to {}, not {}",
                       choice->topic, *count - 1, each);
      }
      chosen.insert({choice->topic, each});
    }
    for (std::int32_t each = 0; choice->partitions.empty() && each < *count; ++each) {
      chosen.insert({choice->topic, each});
    }
  }
  co_return chosen;
}

task<expected<reset_facts, error>> facts_of(net::client& client, net::topic_partition where,
                                            reset_target target,
                                            net::offsets_by_partition const& committed) {
  reset_facts facts{.where = where};
  if (auto found = committed.find(where); found != committed.end()) {
    facts.committed = found->second;
  }
  auto first = co_await client.offset_at(where, net::earliest_timestamp);
  auto end = co_await client.offset_at(where, net::latest_timestamp);
  if (!first || !end) co_return unexpected<error>(first ? end.error() : first.error());
  facts.log_start = *first;
  facts.end = *end;
  if (target.to == reset_target::kind::time) {
    auto found = co_await client.offset_at(where, target.number);
    if (!found) co_return unexpected<error>(found.error());
    facts.at_time = *found;
  }
  co_return facts;
}

task<expected<std::vector<planned_reset>, error>> make_plan(net::client& client,
                                                            reset_settings const& settings) {
  auto target = target_of(settings, core::current().clock().wall_now());
  if (!target) co_return unexpected<error>(target.error());
  auto committed = co_await net::group_admin{client}.offsets(settings.group);
  if (!committed) co_return unexpected<error>(committed.error());
  auto chosen = co_await choose(client, settings, *committed);
  if (!chosen) co_return unexpected<error>(chosen.error());
  std::vector<planned_reset> plan;
  for (auto const& where : *chosen) {
    auto facts = co_await facts_of(client, where, *target, *committed);
    if (!facts) co_return unexpected<error>(facts.error());
    auto planned = plan_reset(*target, *facts);
    if (!planned) co_return unexpected<error>(planned.error());
    plan.push_back(std::move(*planned));
  }
  co_return plan;
}

void print_plan(reset_settings const& settings, std::vector<planned_reset> const& plan,
                bool executed) {
  std::vector<std::vector<std::string>> rows;
  for (auto const& each : plan) {
    if (settings.client.format == output_format::json) {
      fmt::print("{}\n", json{{"group", settings.group},
                              {"topic", each.where.topic},
                              {"partition", each.where.partition},
                              {"from", each.from ? json(*each.from) : json(nullptr)},
                              {"to", each.to},
                              {"note", each.note},
                              {"executed", executed}}
                             .dump());
    } else {
      rows.push_back({each.where.topic, fmt::to_string(each.where.partition),
                      each.from ? fmt::to_string(*each.from) : "-", fmt::to_string(each.to),
                      each.note});
    }
  }
  if (settings.client.format == output_format::json) return;
  fmt::print("{}", format_table({"TOPIC", "PARTITION", "FROM", "TO", "NOTE"}, rows));
}

task<expected<void, error>> reset(net::client& client, reset_settings const& settings) {
  net::group_admin admin{client};
  auto described = co_await admin.describe(settings.group);
  // A group may be given offsets before its first member comes.
  if (!described && described.error().code != errc::not_found) {
    co_return unexpected<error>(described.error());
  }
  auto busy = described && !described->members.empty();
  if (busy && settings.execute) {
    co_return unexpected<error>(has_members(*described, "reset"));
  }
  auto plan = co_await make_plan(client, settings);
  if (!plan) co_return unexpected<error>(plan.error());
  if (settings.execute) {
    net::offsets_by_partition offsets;
    for (auto const& each : *plan) offsets[each.where] = each.to;
    auto committed = co_await admin.commit(settings.group, std::move(offsets));
    if (!committed) co_return committed;
  }
  print_plan(settings, *plan, settings.execute);
  std::fflush(stdout);
  if (!settings.execute) {
    fmt::print(stderr, "Nothing was changed; --execute does it{}\n",
               busy ? ", once the group has no members" : "");
  }
  co_return expected<void, error>{};
}

void add_targets(CLI::App& command, reset_settings& settings) {
  auto* target = command.add_option_group("Where to", "One of these");
  target->add_flag("--to-earliest", settings.to_earliest, "What the log begins with");
  target->add_flag("--to-latest", settings.to_latest, "The end: only what comes from now on");
  target->add_flag("--to-current", settings.to_current,
                   "Where it is, moved into the log if that has gone on without it");
  target->add_option("--to-offset", settings.to_offset, "This offset");
  target->add_option("--to-time,--to-datetime", settings.to_time,
                     "The first record at or after this time: milliseconds since 1970, "
                     "2026-09-21T10:15:30Z or 2026-09-21");
  target->add_option("--by-duration", settings.by_duration,
                     "The first record of the last 90s, 1h30m, 2d or PT1H30M");
  target->add_option("--shift-by", settings.shift_by,
                     "So many records on, or back with a minus: --shift-by=-100");
  target->require_option(1);
}

}  // namespace

void add_group_reset(CLI::App& group, int& status) {
  auto settings = std::make_shared<reset_settings>();
  auto* command = group.add_subcommand(
      "reset", "Show where a group would read on, and with --execute make it so");
  command->add_option("GROUP", settings->group, "Which group")->required();
  auto* topics =
      command->add_option("-t,--topic", settings->topics,
                          "TOPIC, or some of its partitions as TOPIC:0,2; may be repeated");
  auto* all = command->add_flag("--all-topics", settings->all_topics,
                                "All partitions for which the group has committed offsets");
  topics->excludes(all);
  add_targets(*command, *settings);
  command->add_flag("--execute", settings->execute,
                    "Commit the plan; without it, only show the plan");
  add_client_options(*command, settings->client);
  add_format_option(*command, settings->client);
  command->footer(
      "A group with members is not reset: they would go on from where they are, and commit that.\n"
      "\n"
      "Examples:\n"
      "  karst group reset billing --topic orders --to-earliest\n"
      "  karst group reset billing --topic orders:0,2 --shift-by=-100 --execute\n"
      "  karst group reset billing --all-topics --by-duration 1h --execute");
  command->callback([settings, &status] {
    if (settings->topics.empty() && !settings->all_topics) {
      throw CLI::RequiredError("--topic or --all-topics");
    }
    status = run_client("group reset", settings->client,
                        [&](net::client& client) { return reset(client, *settings); });
  });
}

}  // namespace karst::tools
