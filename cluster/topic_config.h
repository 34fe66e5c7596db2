#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/broker_config.h"
#include "log/config.h"

namespace karst::cluster {

// What a topic overrides: nothing else is stored with it, so that a key left unset always follows
// the broker's current default.
using config_overrides = std::map<std::string, std::string>;

// A broker key that gives a topic key its default, strongest first in the topic key's list:
// retention.ms has log.retention.ms, log.retention.minutes (x 60,000) and log.retention.hours (x
// 3,600,000).
struct broker_synonym {
  std::string_view name;
  std::int64_t multiplier = 1;
};

struct topic_config_definition {
  config_definition definition;
  std::span<broker_synonym const> synonyms;
};

// All topic keys of Kafka 3.9 and 4.2, sorted by name.
std::span<topic_config_definition const> topic_config_definitions();
topic_config_definition const* find_topic_config(std::string_view name);

// Whether the topic may have these overrides: known keys, legal values, and what Karst does already
// (remote.storage.enable is refused with a text that says so).
expected<void, error> check_topic_overrides(config_overrides const& overrides);

// The value in force: the override, else the broker's, else the default. nullopt is null.
std::optional<std::string> effective_topic_value(broker_config const& broker,
                                                 config_overrides const& overrides,
                                                 std::string_view name);
log::log_config make_log_config(broker_config const& broker, config_overrides const& overrides);

// DescribeConfigs' sources by their protocol numbers.
enum class described_source : std::int8_t {
  dynamic_topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  default_value = 5,
};

struct config_synonym {
  std::string name;
  std::optional<std::string> value;
  described_source source = described_source::default_value;
};

// One entry of a DescribeConfigs answer (and, with fewer fields, of CreateTopics v5+).
struct described_config {
  std::string name;
  std::optional<std::string> value;
  bool read_only = false;
  bool sensitive = false;
  described_source source = described_source::default_value;
  config_type type = config_type::string;
  std::string_view documentation;
  std::vector<config_synonym>
      synonyms;  // the value in force first, then what it would fall back to
};

// Every key with its value in force, sorted by name: a topic's, the broker's.
std::vector<described_config> describe_topic_configs(broker_config const& broker,
                                                     config_overrides const& overrides);
std::vector<described_config> describe_broker_configs(broker_config const& broker);

}  // namespace karst::cluster
