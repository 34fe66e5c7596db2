#pragma once

#include <fmt/format.h>

#include "net/wire/visit.h"
#include "reactor/base/logging.h"

namespace karst::net {

// The printing visitor, for the log at debug level and for failing tests: `{Topics=[{Name="a"}],
// TimeoutMs=5}`. Texts are escaped, records are given by their size.
class printer {
 public:
  printer(std::int16_t version, std::string& text) : version_(version), text_(text) {}

  template <wire_struct T>
  void print(T const& value) {
    text_ += '{';
    auto outer = std::exchange(first_, true);
    value.describe(*this);
    first_ = outer;
    text_ += '}';
  }

  template <typename Field, typename... Options>
  void operator()(char const* name, Field const& field, Options... options) {
    if (!rule_of(options...).present(version_)) return;
    if (!std::exchange(first_, false)) text_ += ", ";
    text_ += name;
    text_ += '=';
    value(field);
  }

 private:
  template <typename T>
  void value(T const& field) {
    if constexpr (wire_struct<T>) {
      print(field);
    } else if constexpr (wire_nullable<T>) {
      if (field.has_value()) return value(*field);
      text_ += "null";
    } else if constexpr (wire_text<T>) {
      text_ += fmt::format("\"{}\"", logging::escape(field));
    } else if constexpr (wire_bytes<T> || wire_opaque<T>) {
      text_ += fmt::format("{} bytes", field.size());
    } else if constexpr (wire_array<T>) {
      text_ += '[';
      for (std::size_t i = 0; i < field.size(); ++i) {
        if (i != 0) text_ += ", ";
        value(field[i]);
      }
      text_ += ']';
    } else if constexpr (std::is_same_v<T, uuid>) {
      text_ += to_string(field);
    } else if constexpr (std::is_enum_v<T>) {
      text_ += fmt::format("{}", static_cast<std::underlying_type_t<T>>(field));
    } else {
      text_ += fmt::format("{}", field);
    }
  }

  std::int16_t version_;
  std::string& text_;
  bool first_ = true;
};

}  // namespace karst::net
