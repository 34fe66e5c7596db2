#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cluster/broker_config.h"

namespace karst::cluster {

// Everything that settings may come from, as text: the caller has read files and environment.
struct config_sources {
  bool dev = false;       // karst serve --dev
  std::string file_name;  // empty: no file
  std::string file_content;
  std::vector<std::pair<std::string, std::string>> environment;  // all variables; KAFKA_* are taken
  std::vector<std::string> assignments;                          // --set, each "name=value"
};

struct loaded_config {
  broker_config config;
  std::vector<std::string> notices;   // accepted keys without meaning: one line for all of them
  std::vector<std::string> warnings;  // settings that act otherwise than they seem to
};

// Merges the sources (defaults < --dev < file < environment < --set), refuses what is unknown,
// illegal or promises what Karst does not do, and reports all such problems, not only the first.
// Only values that win are judged, so that --set can override what a file has.
expected<loaded_config, std::vector<error>> load_config(config_sources const& sources);

// The broker key that a variable stands for, by the rule of Kafka's container image: KAFKA_ prefix,
// '_' -> '.', '__' -> '_', '___' -> '-'. Empty for variables that are not settings: the image's own
// (KAFKA_HEAP_OPTS, KAFKA_JMX_*, ...), and those that Kubernetes sets for a service called kafka.
std::string key_of_variable(std::string_view variable);

}  // namespace karst::cluster
