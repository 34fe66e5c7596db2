#pragma once

#include <string>
#include <vector>

#include "net/wire/visit.h"

namespace karst::net {

// The dumping visitor: the shape of a message in one version, one line a field, in wire order and
// indented by depth, in Kafka's words:
//
//   Topics []struct nullable
//     Name string
//   ClusterId string nullable tag 0 default null
//
// A default is given where a peer could notice it: for tagged fields, and for those that some
// described version lacks.
class dumper {
 public:
  dumper(versions described, std::int16_t version, std::string& text)
      : described_(described), version_(version), text_(text) {}

  template <wire_struct T>
  void dump() {
    auto fields = struct_fields<T>{*this};
    defaults_of<T>().describe(fields);
  }

 private:
  template <typename T>
  struct struct_fields {
    dumper& owner;
    template <typename Field, typename... Options>
    void operator()(char const* name, Field const& field, Options... options) {
      owner.field(name, field, rule_of(options...));
    }
  };

  template <typename Field>
  void field(char const* name, Field const& initial, field_rule rule) {
    if (!rule.present(version_)) return;
    text_ += fmt::format("{:{}}{} {}", "", 2 * parents_.size(), name, type_of<Field>());
    if (is_optional<Field> && rule.nullable(version_)) text_ += " nullable";
    if (rule.tag != no_tag) text_ += fmt::format(" tag {}", rule.tag);
    if (is_noticed(rule)) text_ += default_of(initial);
    text_ += '\n';
    parents_.push_back(rule);
    children<Field>();
    parents_.pop_back();
  }

  bool is_noticed(field_rule rule) const {
    if (rule.tag != no_tag) return true;
    for (auto version = described_.lowest; version <= described_.highest; ++version) {
      auto possible = std::ranges::all_of(
          parents_, [&](auto const& parent) { return parent.present(version); });
      if (possible && !rule.present(version)) return true;
    }
    return false;
  }

  template <typename Field>
  void children() {
    if constexpr (wire_struct<Field>) {
      dump<Field>();
    } else if constexpr (wire_array<Field> || wire_nullable<Field>) {
      children<typename Field::value_type>();
    }
  }

  template <typename Field>
  static std::string type_of() {
    if constexpr (wire_struct<Field>) return "struct";
    if constexpr (wire_array<Field>) return "[]" + type_of<typename Field::value_type>();
    if constexpr (wire_nullable<Field>) return type_of<typename Field::value_type>();
    if constexpr (wire_text<Field>) return "string";
    if constexpr (wire_bytes<Field>) return "records";
    if constexpr (wire_opaque<Field>) return "bytes";
    if constexpr (std::is_same_v<Field, uuid>) return "uuid";
    if constexpr (std::is_same_v<Field, bool>) return "bool";
    return fmt::format("int{}", 8 * sizeof(Field));
  }

  template <typename Field>
  static std::string default_of(Field const& value) {
    if constexpr (wire_struct<Field> || wire_bytes<Field> || wire_opaque<Field>) return "";
    if constexpr (wire_nullable<Field>) return value ? default_of(*value) : " default null";
    if constexpr (wire_array<Field>) return " default []";
    if constexpr (wire_text<Field>) return fmt::format(" default \"{}\"", std::string_view{value});
    if constexpr (std::is_same_v<Field, uuid>) return fmt::format(" default {}", to_string(value));
    if constexpr (std::is_enum_v<Field>)
      return fmt::format(" default {}", static_cast<std::underlying_type_t<Field>>(value));
    if constexpr (wire_integer<Field> && !std::is_enum_v<Field>)
      return fmt::format(" default {}", value);
    return "";
  }

  versions described_;
  std::int16_t version_;
  std::string& text_;
  std::vector<field_rule> parents_;
};

template <wire_message Message>
std::string dump(std::int16_t version) {
  std::string text;
  dumper{Message::info.valid, version, text}.template dump<Message>();
  return text;
}

}  // namespace karst::net
