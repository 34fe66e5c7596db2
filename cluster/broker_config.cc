#include "cluster/broker_config.h"

namespace karst::cluster {

configured_value const* broker_config::set_value(std::string_view name) const {
  auto found = values_.find(name);
  return found == values_.end() ? nullptr : &found->second;
}

std::optional<std::string_view> broker_config::value(std::string_view name) const {
  if (auto const* set = set_value(name)) return set->value;
  auto const* definition = find_broker_config(name);
  KARST_ASSERT(definition != nullptr, "no broker key {}", name);
  return definition->default_value;
}

std::string broker_config::text(std::string_view name) const {
  return std::string{value(name).value_or("")};
}

std::int64_t broker_config::number(std::string_view name) const {
  auto text = value(name);
  KARST_ASSERT(text, "{} is null", name);
  return parse_number(*text);
}

bool broker_config::flag(std::string_view name) const { return parse_boolean(*value(name)); }

std::vector<std::string> broker_config::list(std::string_view name) const {
  std::vector<std::string> elements;
  auto rest = value(name).value_or("");
  while (!rest.empty()) {
    auto comma = std::min(rest.find(','), rest.size());
    auto element = rest.substr(0, comma);
    auto first = element.find_first_not_of(" \t");
    if (first != std::string_view::npos) {
      elements.emplace_back(element.substr(first, element.find_last_not_of(" \t") - first + 1));
    }
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return elements;
}

}  // namespace karst::cluster
