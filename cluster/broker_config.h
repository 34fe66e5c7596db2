#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/config_definition.h"

namespace karst::cluster {

// Where a value came from, weakest first: a later source replaces an earlier one.
enum class config_source : std::uint8_t { built_in, dev, file, environment, command_line };

struct configured_value {
  std::string value;
  config_source source = config_source::built_in;
  std::string where;  // "server.properties line 12", "KAFKA_BROKER_ID", "--set"
};

// The broker's settings: Kafka's keys, each with its value and source. Built once at start by
// config_loader, then immutable: readable from every core without copying. A key that is not set
// has its definition's default.
class broker_config {
 public:
  // Keys were checked against their definitions, aliases resolved.
  explicit broker_config(std::map<std::string, configured_value, std::less<>> values)
      : values_(std::move(values)) {}
  broker_config() = default;

  // nullopt is Kafka's null. Asking for a key without definition is a program error.
  std::optional<std::string_view> value(std::string_view name) const;
  std::string text(std::string_view name) const;  // null as ""
  std::int64_t number(std::string_view name) const;
  bool flag(std::string_view name) const;
  // Elements of a list without blanks around them; empty elements are dropped.
  std::vector<std::string> list(std::string_view name) const;

  // The explicitly set value, or nullptr when the default holds.
  configured_value const* set_value(std::string_view name) const;
  std::map<std::string, configured_value, std::less<>> const& set_values() const { return values_; }

 private:
  std::map<std::string, configured_value, std::less<>> values_;
};

// All keys that Karst reads, sorted by name.
std::span<config_definition const> broker_config_definitions();
config_definition const* find_broker_config(std::string_view name);

}  // namespace karst::cluster
