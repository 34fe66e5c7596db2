#pragma once

#include <string>

#include "tools/fetched_records.h"

namespace karst::tools {

enum class record_format : std::uint8_t { value, table, json };

struct print_settings {
  std::string topic;
  record_format format = record_format::value;
  std::string key_separator;
};

// Records as the format asks. Bytes go out as they are but in JSON.
class record_printer {
 public:
  explicit record_printer(print_settings const& settings) : settings_(settings) {}

  // Appends it to `text`.
  void print(consumed_record const& record, std::string& text);

 private:
  void print_value(consumed_record const& record, std::string& text) const;
  void print_row(consumed_record const& record, std::string& text);
  void print_json(consumed_record const& record, std::string& text) const;

  print_settings const& settings_;
  bool headed_ = false;
};

}  // namespace karst::tools
