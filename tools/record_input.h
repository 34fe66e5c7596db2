#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reactor/base/expected.h"

namespace karst::tools {

// How a line of input becomes a record.
struct input_format {
  bool json = false;
  std::string key_separator;         // empty: the line is the value
  std::vector<std::string> headers;  // NAME=VALUE, on every record
  std::optional<std::int64_t> timestamp;
  bool null_when_empty = false;
};

struct input_record {
  std::optional<std::string> key;
  std::optional<std::string> value;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers;
  std::optional<std::int64_t> timestamp;
  std::optional<std::int32_t> partition;
};

// `line_number` is for the error.
expected<input_record, error> parse_line(std::string_view line, std::uint64_t line_number,
                                         input_format const& format);

// RFC 4648, for keys and values that are not UTF-8 text in JSON.
std::string encode_base64(std::string_view bytes);
std::optional<std::string> decode_base64(std::string_view text);
bool is_utf8(std::string_view bytes);

}  // namespace karst::tools
