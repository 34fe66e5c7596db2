#pragma once

#include <deque>
#include <random>
#include <string>

#include "net/wire/visit.h"

namespace karst::net {

// The generating visitor: fills a message with random values that its version can carry, edge
// values often. Owns the texts that views in the message refer to.
class random_message {
 public:
  random_message(std::uint64_t seed, std::int16_t version) : random_(seed), version_(version) {}

  template <wire_struct T>
  void fill(T& value) {
    ++depth_;
    value.describe(*this);
    --depth_;
  }

  template <typename Field, typename... Options>
  void operator()(char const*, Field& field, Options... options) {
    auto rule = rule_of(options...);
    if (!rule.present(version_)) return;
    if (rule.tag != no_tag && below(3) == 0) return;
    value(field, rule);
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  template <typename T>
  void value(T& field, field_rule rule) {
    if constexpr (wire_struct<T>) {
      fill(field);
    } else if constexpr (wire_nullable<T>) {
      field.reset();
      if (!rule.nullable(version_) || below(4) != 0) value(field.emplace(), rule);
    } else if constexpr (std::is_same_v<T, bool>) {
      field = below(2) == 1;
    } else if constexpr (std::is_enum_v<T>) {
      field = static_cast<T>(number<std::underlying_type_t<T>>());
    } else if constexpr (wire_integer<T>) {
      field = number<T>();
    } else if constexpr (wire_text<T>) {
      field = text();
    } else if constexpr (wire_opaque<T>) {
      field.bytes = text();
    } else if constexpr (wire_bytes<T>) {
      auto bytes = text();
      field = T{buffer_chain{buffer::copy_of(std::as_bytes(std::span{bytes}))}};
    } else if constexpr (std::is_same_v<T, uuid>) {
      for (auto& byte : field.bytes) byte = static_cast<std::uint8_t>(random_());
    } else {
      field.clear();
      field.resize(below(depth_ > 3 ? 3 : 5));
      for (auto& item : field) value(item, {});
    }
  }

  template <typename T>
  T number() {
    switch (below(6)) {
      case 0:
        return 0;
      case 1:
        return -1;
      case 2:
        return std::numeric_limits<T>::max();
      case 3:
        return std::numeric_limits<T>::min();
      default:
        return static_cast<T>(random_());
    }
  }
  // Lengths around the places where the length's own size changes.
  std::string_view text() {
    static constexpr std::size_t sizes[] = {0, 1, 2, 7, 126, 127, 128, 300, 16382, 16383, 16384};
    auto size = sizes[below(below(8) == 0 ? std::size(sizes) : 5)];
    auto& made = texts_.emplace_back(size, '\0');
    for (auto& byte : made) byte = static_cast<char>(random_());
    return made;
  }

  std::mt19937_64 random_;
  std::int16_t version_;
  int depth_ = 0;
  std::deque<std::string> texts_;
};

}  // namespace karst::net
