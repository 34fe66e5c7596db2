#include <nlohmann/json.hpp>

#include "tools/client_command.h"
#include "tools/commands.h"

namespace karst::tools {
namespace {

using json = nlohmann::json;
using topic_answer = net::metadata_response::topic;

struct topic_settings {
  client_settings client;
  std::vector<std::string> names;
  std::int32_t partitions = -1;
  std::int16_t replication_factor = -1;
  std::vector<std::string> configs;
  bool if_not_exists = false;
  bool if_exists = false;
  bool all_configs = false;
};

constexpr std::string_view config_source(std::int8_t source) {
  switch (source) {
    case 1:
      return "topic";
    case 2:
    case 3:
      return "broker (dynamic)";
    case 4:
      return "broker (file)";
    case 5:
      return "default";
    default:
      return "unknown";
  }
}

task<expected<void, error>> create_topics(net::client& client, topic_settings const& settings) {
  net::new_topic topic{.partitions = settings.partitions,
                       .replication_factor = settings.replication_factor};
  for (auto const& config : settings.configs) {
    auto equals = config.find('=');
    if (equals == std::string::npos || equals == 0) {
      co_return fail(errc::invalid, "write --config retention.ms=86400000",
                     "'{}' is not of the form NAME=VALUE", config);
    }
    topic.configs.emplace_back(config.substr(0, equals), config.substr(equals + 1));
  }
  std::vector<error> problems;
  for (auto const& name : settings.names) {
    topic.name = name;
    auto created = co_await client.create_topic(topic);
    auto existed = !created && created.error().code == errc::exists;
    if (!created && !(existed && settings.if_not_exists)) {
      problems.push_back(created.error());
      continue;
    }
    if (settings.client.format == output_format::json) {
      fmt::print("{}\n", json{{"topic", name}, {"created", !existed}}.dump());
    } else {
      fmt::print("{} topic {}\n", existed ? "Kept existing" : "Created", name);
    }
  }
  co_return outcome_of("topic create", problems);
}

task<expected<void, error>> list_topics(net::client& client, topic_settings const& settings) {
  auto known = co_await client.metadata(std::nullopt);
  if (!known) co_return unexpected<error>(known.error());
  auto& topics = (*known)->topics;
  std::ranges::sort(topics, {}, [](topic_answer const& each) { return each.name.value_or(""); });
  std::vector<std::vector<std::string>> rows;
  for (auto const& each : topics) {
    auto replicas = each.partitions.empty() ? 0 : each.partitions.front().replica_nodes.size();
    if (settings.client.format == output_format::json) {
      fmt::print("{}\n", json{{"topic", each.name.value_or("")},
                              {"id", to_string(each.id)},
                              {"partitions", each.partitions.size()},
                              {"replication_factor", replicas},
                              {"internal", each.is_internal}}
                             .dump());
    } else {
      rows.push_back({each.name.value_or(""), fmt::to_string(each.partitions.size()),
                      fmt::to_string(replicas)});
    }
  }
  if (settings.client.format == output_format::table) {
    if (rows.empty()) {
      fmt::print(stderr, "There are no topics yet; create one with `karst topic create NAME`\n");
    } else {
      fmt::print("{}", format_table({"TOPIC", "PARTITIONS", "REPLICATION"}, rows));
    }
  }
  co_return expected<void, error>{};
}

std::string join_numbers(std::vector<std::int32_t> const& numbers) {
  return fmt::format("{}", fmt::join(numbers, ","));
}

// One partition's row: where it is and what it holds.
task<expected<json, error>> describe_partition(net::client& client, std::string topic,
                                               net::metadata_response::partition const& partition) {
  net::topic_partition where{topic, partition.index};
  auto first = co_await client.offset_at(where, net::earliest_timestamp);
  if (!first) co_return unexpected<error>(first.error());
  auto end = co_await client.offset_at(where, net::latest_timestamp);
  if (!end) co_return unexpected<error>(end.error());
  co_return json{{"partition", partition.index},
                 {"leader", partition.leader_id},
                 {"epoch", partition.leader_epoch},
                 {"replicas", partition.replica_nodes},
                 {"in_sync", partition.isr_nodes},
                 {"first_offset", *first},
                 {"end_offset", *end}};
}

void print_description(json const& description) {
  fmt::print("Topic {}  id {}\n", description["topic"].get<std::string>(),
             description["id"].get<std::string>());
  std::vector<std::vector<std::string>> rows;
  for (auto const& each : description["partitions"]) {
    rows.push_back({each["partition"].dump(), each["leader"].dump(), each["epoch"].dump(),
                    join_numbers(each["replicas"]), join_numbers(each["in_sync"]),
                    each["first_offset"].dump(), each["end_offset"].dump()});
  }
  fmt::print("{}", format_table({"PARTITION", "LEADER", "EPOCH", "REPLICAS", "IN SYNC",
                                 "FIRST OFFSET", "END OFFSET"},
                                rows));
  rows.clear();
  for (auto const& each : description["configs"]) {
    rows.push_back({each["name"], each["value"].is_null() ? "" : each["value"], each["source"]});
  }
  if (rows.empty()) {
    fmt::print("No configuration of its own; --all shows what applies\n");
  } else {
    fmt::print("{}", format_table({"CONFIGURATION", "VALUE", "FROM"}, rows));
  }
}

task<expected<void, error>> describe_topic(net::client& client, topic_settings const& settings,
                                           topic_answer const& topic) {
  auto name = topic.name.value_or("");
  json description{{"topic", name}, {"id", to_string(topic.id)}, {"partitions", json::array()}};
  for (auto const& partition : topic.partitions) {
    auto row = co_await describe_partition(client, name, partition);
    if (!row) co_return unexpected<error>(row.error());
    description["partitions"].push_back(std::move(*row));
  }
  auto configs = co_await client.topic_configs(name, settings.all_configs);
  if (!configs) co_return unexpected<error>(configs.error());
  description["configs"] = json::array();
  for (auto const& each : *configs) {
    description["configs"].push_back({{"name", each.name},
                                      {"value", each.value ? json(*each.value) : json(nullptr)},
                                      {"source", config_source(each.source)}});
  }
  if (settings.client.format == output_format::json) {
    fmt::print("{}\n", description.dump());
  } else {
    print_description(description);
  }
  co_return expected<void, error>{};
}

task<expected<void, error>> describe_topics(net::client& client, topic_settings const& settings) {
  auto known = co_await client.metadata(settings.names);
  if (!known) co_return unexpected<error>(known.error());
  auto& topics = (*known)->topics;
  std::ranges::sort(topics, {}, [](auto const& each) { return each.name.value_or(""); });
  std::vector<error> problems;
  for (auto& topic : topics) {
    if (topic.error != net::error_code::none) {
      problems.push_back(net::to_error(topic.error, {}, "topic " + topic.name.value_or("")));
      continue;
    }
    std::ranges::sort(topic.partitions, {}, &net::metadata_response::partition::index);
    auto done = co_await describe_topic(client, settings, topic);
    if (!done) problems.push_back(done.error());
  }
  co_return outcome_of("topic describe", problems);
}

task<expected<void, error>> delete_topics(net::client& client, topic_settings const& settings) {
  std::vector<error> problems;
  for (auto const& name : settings.names) {
    auto deleted = co_await client.delete_topic(name);
    auto missing = !deleted && deleted.error().code == errc::not_found;
    if (!deleted && !(missing && settings.if_exists)) {
      problems.push_back(deleted.error());
      continue;
    }
    if (settings.client.format == output_format::json) {
      fmt::print("{}\n", json{{"topic", name}, {"deleted", !missing}}.dump());
    } else {
      fmt::print("{} topic {}\n", missing ? "There was no" : "Deleted", name);
    }
  }
  co_return outcome_of("topic delete", problems);
}

using topic_action = task<expected<void, error>> (*)(net::client&, topic_settings const&);

CLI::App* add_action(CLI::App& topic, char const* name, char const* help, topic_action action,
                     std::shared_ptr<topic_settings>& settings, int& status) {
  // Each has its own, because environment variables are read for all of them.
  settings = std::make_shared<topic_settings>();
  auto* command = topic.add_subcommand(name, help);
  add_client_options(*command, settings->client);
  add_format_option(*command, settings->client);
  command->callback([name, action, settings, &status] {
    status = run_client(fmt::format("topic {}", name), settings->client,
                        [&](net::client& client) { return action(client, *settings); });
  });
  return command;
}

}  // namespace

void add_topic(CLI::App& app, int& status) {
  auto* topic = app.add_subcommand("topic", "Create, list, describe and delete topics");
  topic->require_subcommand(1);
  topic->footer(
      "Examples:\n"
      "  karst topic create orders -p 8\n"
      "  karst topic describe orders\n"
      "Each of them explains itself: karst topic create --help");
  std::shared_ptr<topic_settings> settings;
  auto* create = add_action(*topic, "create", "Create topics", create_topics, settings, status);
  create->add_option("NAME", settings->names, "Topics to create")->required();
  create->add_option("-p,--partitions", settings->partitions,
                     "Number of partitions; the broker's num.partitions when left out");
  create->add_option("-r,--replication-factor", settings->replication_factor,
                     "Copies of each partition; the broker's default when left out");
  create->add_option("-c,--config", settings->configs,
                     "NAME=VALUE, with Kafka's names; may be repeated");
  create->add_flag("--if-not-exists", settings->if_not_exists, "Succeed when the topic exists");
  create->footer(
      "Examples:\n"
      "  karst topic create orders -p 8\n"
      "  karst topic create audit --config retention.ms=604800000 --config "
      "max.message.bytes=4194304");
  auto* list = add_action(*topic, "list", "List topics", list_topics, settings, status);
  list->footer("Examples:\n  karst topic list\n  karst topic list --format json | jq -r .topic");
  auto* describe =
      add_action(*topic, "describe", "Show partitions, leaders, offsets and configuration",
                 describe_topics, settings, status);
  describe->add_option("NAME", settings->names, "Topics to describe")->required();
  describe->add_flag("--all", settings->all_configs, "Show defaults too");
  describe->footer("Example:\n  karst topic describe orders --all");
  auto* remove = add_action(*topic, "delete", "Delete topics and all their records", delete_topics,
                            settings, status);
  remove->add_option("NAME", settings->names, "Topics to delete")->required();
  remove->add_flag("--if-exists", settings->if_exists, "Succeed when the topic does not exist");
  remove->footer("Example:\n  karst topic delete orders");
}

}  // namespace karst::tools
