#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "reactor/base/assert.h"
#include "reactor/base/expected.h"

namespace karst::cluster {

// Kafka's ConfigDef.Type by the numbers that DescribeConfigs v3 sends.
enum class config_type : std::int8_t {
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  float64 = 6,
  list = 7,
  class_name = 8,
  password = 9,
};

// One configuration key: what may be written and what it means. Constant for the life of the
// process; readable from every core.
struct config_definition {
  std::string_view name;
  config_type type = config_type::string;
  std::optional<std::string_view>
      default_value;  // in the text form of a properties file; nullopt is Kafka's null
  std::string_view documentation;
  double least = std::numeric_limits<double>::lowest();  // numbers only
  double most = std::numeric_limits<double>::max();
  std::span<std::string_view const> allowed;  // strings and list elements; empty allows any
};

// Whether `value` is legal for the key: type, range, allowed words. The error names key, value and
// what is legal.
expected<void, error> check_value(config_definition const& definition, std::string_view value);

// Values that check_value accepted.
std::int64_t parse_number(std::string_view value);
double parse_real(std::string_view value);
bool parse_boolean(std::string_view value);

}  // namespace karst::cluster
