#include "cluster/config_definition.h"

#include <charconv>

namespace karst::cluster {
namespace {

std::string_view without_blanks(std::string_view text) {
  auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool same_word(std::string_view one, std::string_view lower_case) {
  return std::ranges::equal(one, lower_case, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
}

unexpected<error> refuse(config_definition const& definition, std::string_view value,
                         std::string remedy) {
  return fail(errc::invalid, std::move(remedy), "invalid value '{}' for {}", value,
              definition.name);
}

// The integers that the type can hold, narrowed by the definition.
expected<void, error> check_integer(config_definition const& definition, std::string_view value,
                                    std::int64_t type_least, std::int64_t type_most) {
  std::int64_t number = 0;
  auto const* end = value.data() + value.size();
  auto const* begin = value.starts_with('+') ? value.data() + 1 : value.data();
  auto parsed = std::from_chars(begin, end, number);
  // Bounds are doubles: exact for everything but the ends of the 64-bit range, which the comparison
  // by type covers.
  auto least = definition.least <= static_cast<double>(type_least)
                   ? type_least
                   : static_cast<std::int64_t>(definition.least);
  auto most = definition.most >= static_cast<double>(type_most)
                  ? type_most
                  : static_cast<std::int64_t>(definition.most);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number < least || number > most) {
    return refuse(definition, value, fmt::format("give a whole number from {} to {}", least, most));
  }
  return {};
}

expected<void, error> check_float(config_definition const& definition, std::string_view value) {
  double number = 0;
  auto const* end = value.data() + value.size();
  auto parsed = std::from_chars(value.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || !(number >= definition.least) ||
      !(number <= definition.most)) {
    return refuse(definition, value,
                  fmt::format("give a number from {} to {}", definition.least, definition.most));
  }
  return {};
}

expected<void, error> check_word(config_definition const& definition, std::string_view word,
                                 std::string_view value) {
  if (definition.allowed.empty()) return {};
  if (std::ranges::find(definition.allowed, word) != definition.allowed.end()) return {};
  return refuse(definition, value, fmt::format("legal: {}", fmt::join(definition.allowed, ", ")));
}

expected<void, error> check_list(config_definition const& definition, std::string_view value) {
  auto rest = value;
  while (!rest.empty()) {
    auto comma = std::min(rest.find(','), rest.size());
    auto element = without_blanks(rest.substr(0, comma));
    if (auto legal = check_word(definition, element, value); !element.empty() && !legal)
      return legal;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return {};
}

}  // namespace

expected<void, error> check_value(config_definition const& definition, std::string_view value) {
  switch (definition.type) {
    case config_type::boolean:
      if (same_word(value, "true") || same_word(value, "false")) return {};
      return refuse(definition, value, "give true or false");
    case config_type::int16:
      return check_integer(definition, value, INT16_MIN, INT16_MAX);
    case config_type::int32:
      return check_integer(definition, value, INT32_MIN, INT32_MAX);
    case config_type::int64:
      return check_integer(definition, value, INT64_MIN, INT64_MAX);
    case config_type::float64:
      return check_float(definition, value);
    case config_type::list:
      return check_list(definition, value);
    case config_type::string:
    case config_type::class_name:
    case config_type::password:
      return check_word(definition, value, value);
  }
  return {};
}

std::int64_t parse_number(std::string_view value) {
  std::int64_t number = 0;
  if (value.starts_with('+')) value.remove_prefix(1);
  auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
  KARST_ASSERT(parsed.ec == std::errc{}, "'{}' was not checked", value);
  return number;
}

double parse_real(std::string_view value) {
  double number = 0;
  if (value.starts_with('+')) value.remove_prefix(1);
  auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
  KARST_ASSERT(parsed.ec == std::errc{}, "'{}' was not checked", value);
  return number;
}

bool parse_boolean(std::string_view value) { return same_word(value, "true"); }

}  // namespace karst::cluster
