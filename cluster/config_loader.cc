#include "cluster/config_loader.h"

#include "cluster/known_keys.h"
#include "cluster/properties.h"

namespace karst::cluster {
namespace {

using merged_values = std::map<std::string, configured_value, std::less<>>;

constexpr std::string_view variable_prefix = "KAFKA_";

// Kafka's image keeps these for itself (KafkaDockerWrapper.ExcludeServerPropsEnv, and what its
// scripts and those of common images read).
constexpr std::string_view image_variables[] = {
    "KAFKA_CLASSPATH",
    "KAFKA_CLUSTER_ID",
    "KAFKA_DEBUG",
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_HEAP_OPTS",
    "KAFKA_HOME",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_MODE",
    "KAFKA_OPTS",
    "KAFKA_TOOLS_LOG4J_LOGLEVEL",
    "KAFKA_VERSION",
};
// KAFKA_PORT and KAFKA_SERVICE_* come from Kubernetes when a service is called kafka.
constexpr std::string_view image_prefixes[] = {"KAFKA_JMX_", "KAFKA_LOG4J_", "KAFKA_SERVICE_",
                                               "KAFKA_PORT_"};

std::string_view trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \t\r\n\f");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n\f") - first + 1);
}

void add_dev(merged_values& values) {
  constexpr std::pair<std::string_view, std::string_view> settings[] = {
      {"listeners", "PLAINTEXT://127.0.0.1:9092"},
      {"log.dirs", "./karst-data"},
      {"karst.journal.file.bytes", "16777216"},
  };
  for (auto [name, value] : settings) {
    values[std::string{name}] = {std::string{value}, config_source::dev, "--dev"};
  }
}

expected<void, error> add_file(config_sources const& sources, merged_values& values) {
  auto properties = parse_properties(sources.file_content, sources.file_name);
  if (!properties) return unexpected<error>(properties.error());
  for (auto& found : *properties) {
    values[found.name] = {std::string{trimmed(found.value)}, config_source::file,
                          fmt::format("{} line {}", sources.file_name, found.line)};
  }
  return {};
}

void add_environment(config_sources const& sources, merged_values& values) {
  for (auto const& [variable, value] : sources.environment) {
    auto key = key_of_variable(variable);
    if (key.empty()) continue;
    values[key] = {std::string{trimmed(value)}, config_source::environment, variable};
  }
}

void add_assignments(config_sources const& sources, merged_values& values,
                     std::vector<error>& problems) {
  for (auto const& assignment : sources.assignments) {
    auto equals = assignment.find('=');
    auto name = trimmed(std::string_view{assignment}.substr(0, equals));
    if (equals == std::string::npos || name.empty()) {
      problems.push_back({errc::invalid, fmt::format("--set {} names no value", assignment),
                          "write --set name=value"});
      continue;
    }
    values[std::string{name}] = {
        std::string{trimmed(std::string_view{assignment}.substr(equals + 1))},
        config_source::command_line, "--set"};
  }
}

// node.id is KRaft's name of broker.id.
void merge_node_id(merged_values& values, std::vector<error>& problems) {
  auto node_id = values.find("node.id");
  if (node_id == values.end()) return;
  auto broker_id = values.find("broker.id");
  if (broker_id != values.end() && broker_id->second.value != node_id->second.value) {
    problems.push_back(
        {errc::invalid,
         fmt::format("node.id={} ({}) and broker.id={} ({}) differ", node_id->second.value,
                     node_id->second.where, broker_id->second.value, broker_id->second.where),
         "set one of them, or both to the same number"});
  } else {
    values["broker.id"] = node_id->second;
  }
  values.erase("node.id");
}

void judge(std::string const& name, configured_value const& set, merged_values& accepted,
           std::vector<std::string>& without_meaning, std::vector<error>& problems) {
  auto verdict = judge_key(name);
  switch (verdict.standing) {
    case key_standing::without_meaning:
      without_meaning.push_back(name);
      return;
    case key_standing::refused:
      if (asks_for_nothing(set.value)) return;
      problems.push_back(
          {errc::unsupported,
           fmt::format("{} ({}) cannot be served: {}", name, set.where, verdict.reason),
           std::string{verdict.remedy}});
      return;
    case key_standing::unknown: {
      auto nearest = nearest_key(name);
      problems.push_back(
          {errc::invalid, fmt::format("unknown key {} ({})", name, set.where),
           nearest.empty() ? "remove it" : fmt::format("did you mean {}?", nearest)});
      return;
    }
    case key_standing::served:
      break;
  }
  auto const& definition = *find_broker_config(name);
  // An empty value of a key that may be null leaves it unset, as an empty variable of a container
  // does.
  if (set.value.empty() && !definition.default_value) return;
  if (auto legal = check_value(definition, set.value); !legal) {
    auto problem = legal.error();
    problem.what += fmt::format(" ({})", set.where);
    problems.push_back(std::move(problem));
    return;
  }
  accepted[name] = set;
}

void check_together(broker_config const& config, std::vector<error>& problems,
                    std::vector<std::string>& warnings) {
  auto roles = config.list("process.roles");
  if (!roles.empty() && std::ranges::find(roles, "broker") == roles.end()) {
    problems.push_back(
        {errc::unsupported,
         "process.roles=controller cannot be served: Karst has no separate controllers",
         "let it contain broker, or remove it"});
  }
  if (auto factor = config.number("default.replication.factor"); factor > 1) {
    warnings.push_back(
        fmt::format("default.replication.factor={}: this node is alone, so topics created without "
                    "a replication "
                    "factor get 1",
                    factor));
  }
  if (auto least = config.number("min.insync.replicas"); least > 1) {
    warnings.push_back(
        fmt::format("min.insync.replicas={}: this node is alone, so a topic's one replica is "
                    "enough and acks=all "
                    "is answered when the record is on this node's disk",
                    least));
  }
}

}  // namespace

std::string key_of_variable(std::string_view variable) {
  if (!variable.starts_with(variable_prefix) || variable == "KAFKA_PORT") return {};
  auto is_prefix = [&](std::string_view prefix) { return variable.starts_with(prefix); };
  if (std::ranges::find(image_variables, variable) != std::end(image_variables) ||
      std::ranges::any_of(image_prefixes, is_prefix)) {
    return {};
  }
  auto rest = variable.substr(variable_prefix.size());
  std::string key;
  for (std::size_t i = 0; i < rest.size();) {
    auto underscores = std::min(rest.find_first_not_of('_', i), rest.size()) - i;
    // Runs are read from the left, three at a time first, as the image's chain of replacements
    // does.
    for (auto left = underscores; left > 0;) {
      auto taken = std::min<std::size_t>(left, 3);
      key += taken == 3 ? '-' : taken == 2 ? '_' : '.';
      left -= taken;
    }
    i += underscores;
    if (i == rest.size()) break;
    auto letter = rest[i++];
    key += letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + 32) : letter;
  }
  return key;
}

expected<loaded_config, std::vector<error>> load_config(config_sources const& sources) {
  std::vector<error> problems;
  merged_values values;
  if (sources.dev) add_dev(values);
  if (!sources.file_name.empty()) {
    if (auto added = add_file(sources, values); !added) problems.push_back(added.error());
  }
  add_environment(sources, values);
  add_assignments(sources, values, problems);
  merge_node_id(values, problems);

  merged_values accepted;
  std::vector<std::string> without_meaning;
  for (auto const& [name, set] : values) judge(name, set, accepted, without_meaning, problems);

  loaded_config loaded{.config = broker_config{std::move(accepted)}};
  if (!without_meaning.empty()) {
    loaded.notices.push_back(
        fmt::format("accepted, without meaning here: {}", fmt::join(without_meaning, ", ")));
  }
  if (problems.empty()) check_together(loaded.config, problems, loaded.warnings);
  if (!problems.empty()) return unexpected<std::vector<error>>(std::move(problems));
  return loaded;
}

}  // namespace karst::cluster
