#include "tools/record_printer.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "tools/json_bytes.h"
#include "tools/time_text.h"

namespace karst::tools {

using json = nlohmann::json;

void record_printer::print(consumed_record const& record, std::string& text) {
  switch (settings_.format) {
    case record_format::value:
      return print_value(record, text);
    case record_format::table:
      return print_row(record, text);
    case record_format::json:
      return print_json(record, text);
  }
}

void record_printer::print_value(consumed_record const& record, std::string& text) const {
  if (!settings_.key_separator.empty()) {
    text += record.content->key.value_or("");
    text += settings_.key_separator;
  }
  text += record.content->value.value_or("");
  text += '\n';
}

void record_printer::print_row(consumed_record const& record, std::string& text) {
  if (!std::exchange(headed_, true)) {
    text += fmt::format("{:>9}  {:>10}  {:<24}  {:<16}  {}\n", "PARTITION", "OFFSET", "TIMESTAMP",
                        "KEY", "VALUE");
  }
  auto const& content = *record.content;
  std::string headers;
  for (auto const& each : content.headers) {
    headers += fmt::format("  [{}={}]", each.key, each.value.value_or("(null)"));
  }
  text += fmt::format("{:>9}  {:>10}  {:<24}  {:<16}  {}{}\n", record.partition, record.offset,
                      time_text(record.timestamp), content.key.value_or("(null)"),
                      content.value.value_or("(null)"), headers);
}

void record_printer::print_json(consumed_record const& record, std::string& text) const {
  json object{{"topic", settings_.topic},
              {"partition", record.partition},
              {"offset", record.offset},
              {"timestamp", record.timestamp}};
  put_bytes(object, "key", record.content->key);
  put_bytes(object, "value", record.content->value);
  auto headers = json::array();
  for (auto const& each : record.content->headers) {
    json header{{"name", std::string{each.key}}};
    put_bytes(header, "value", each.value);
    headers.push_back(std::move(header));
  }
  object["headers"] = std::move(headers);
  text += object.dump(-1, ' ', false, json::error_handler_t::replace);
  text += '\n';
}

}  // namespace karst::tools
