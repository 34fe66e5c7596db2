#include "cluster/config_change.h"

#include <algorithm>
#include <set>

namespace karst::cluster {
namespace {

using net::error_code;

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    auto part = list.substr(0, list.find(','));
    list.remove_prefix(std::min(part.size() + 1, list.size()));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

expected<void, refusal> change_list(config_overrides& overrides, broker_config const& broker,
                                    config_change const& change) {
  auto adds = change.operation == config_operation::append;
  auto const* known = find_topic_config(change.name);
  if (known == nullptr || known->definition.type != config_type::list) {
    return refuse(error_code::invalid_config,
                  fmt::format("Can't {} to key {} because its type is not LIST.",
                              adds ? "APPEND" : "SUBTRACT", change.name));
  }
  auto list = split(effective_topic_value(broker, overrides, change.name).value_or(""));
  for (auto const& part : split(*change.value)) {
    auto found = std::ranges::find(list, part);
    if (adds && found == list.end()) list.push_back(part);
    if (!adds && found != list.end()) list.erase(found);
  }
  overrides[change.name] = fmt::format("{}", fmt::join(list, ","));
  return {};
}

}  // namespace

expected<config_overrides, refusal> apply_changes(config_overrides overrides,
                                                  broker_config const& broker,
                                                  std::vector<config_change> const& changes) {
  std::set<std::string_view> seen;
  for (auto const& change : changes) {
    if (!seen.insert(change.name).second) {
      return refuse(error_code::invalid_request,
                    fmt::format("Error due to duplicate config keys : {}", change.name));
    }
    if (!change.value && change.operation != config_operation::remove) {
      return refuse(error_code::invalid_request,
                    fmt::format("Null value not supported for : {}", change.name));
    }
  }
  for (auto const& change : changes) {
    switch (change.operation) {
      case config_operation::set:
        overrides[change.name] = *change.value;
        break;
      case config_operation::remove:
        overrides.erase(change.name);
        break;
      case config_operation::append:
      case config_operation::subtract:
        if (auto changed = change_list(overrides, broker, change); !changed) {
          return unexpected<refusal>(changed.error());
        }
        break;
      default:
        return refuse(error_code::invalid_request,
                      fmt::format("Unknown operation {} for config key {}",
                                  static_cast<int>(change.operation), change.name));
    }
  }
  return overrides;
}

}  // namespace karst::cluster
