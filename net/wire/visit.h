#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "net/piece.h"
#include "net/wire/api_keys.h"
#include "reactor/base/uuid.h"

// How a message is described. A message is a struct with `info` and with
//
//   void describe(this auto& self, auto& v) { v("GroupId", self.group_id); v("Reason", self.reason,
//   since{8}); }
//
// which names the fields once, in wire order, with Kafka's names; a field's default is its member
// initialiser. A visitor is called with each field and does one thing with it: read, write, count,
// compare, print. What a field is on the wire follows from its type:
//
//   bool, int8 to int64, enums        the integer, big-endian
//   uuid                              16 bytes
//   bytes_view, bytes_owned           bytes: opaque to the broker, as a view or owned
//   std::string_view, std::string     string; a request that we read holds views into its bytes, an
//   answer owns std::vector<T>                    array std::optional<string or vector>   the same,
//   nullable std::optional<buffer_chain>       records, nullable: a shared part of the request's
//   bytes std::optional<piece_list>         records, nullable: pieces of memory and file a struct
//   with describe            the struct; with its own tagged fields in flexible versions
namespace karst::net {

// The first and the last version that have a field.
struct since {
  std::int16_t version;
};
struct until {
  std::int16_t version;
};
// The first version in which an optional field may be null; before it, null is written as empty.
struct nullable_since {
  std::int16_t version;
};
// A tagged field (KIP-482): only in flexible versions, and only written when it is not its default.
struct tag {
  std::int32_t number;
};

struct versions {
  std::int16_t lowest = 0;
  std::int16_t highest = 0;
  constexpr bool contain(std::int16_t version) const {
    return version >= lowest && version <= highest;
  }
};

enum class message_kind : std::uint8_t { request, response };

// Which message a struct is, and the versions that it describes.
struct message_info {
  api_key key;
  message_kind kind;
  versions valid;
  constexpr bool flexible(std::int16_t version) const { return is_flexible(key, version); }
};

inline constexpr std::int32_t no_tag = -1;

// The options of one field, put together.
struct field_rule {
  std::int16_t first = 0;
  std::int16_t last = std::numeric_limits<std::int16_t>::max();
  std::int16_t nullable_from = 0;
  std::int32_t tag = no_tag;

  constexpr bool present(std::int16_t version) const { return version >= first && version <= last; }
  constexpr bool nullable(std::int16_t version) const { return version >= nullable_from; }

  constexpr void apply(since option) { first = option.version; }
  constexpr void apply(until option) { last = option.version; }
  constexpr void apply(nullable_since option) { nullable_from = option.version; }
  constexpr void apply(net::tag option) { tag = option.number; }
};

template <typename... Options>
constexpr field_rule rule_of(Options... options) {
  field_rule rule;
  (rule.apply(options), ...);
  return rule;
}

// Kafka's type `bytes`, where nobody but clients knows what is in it: a view into a request, or
// owned by an answer.
struct bytes_view {
  std::string_view bytes;
  std::size_t size() const { return bytes.size(); }
  bool operator==(bytes_view const&) const = default;
};
struct bytes_owned {
  std::string bytes;
  std::size_t size() const { return bytes.size(); }
  bool operator==(bytes_owned const&) const = default;
};

template <typename T>
concept wire_integer = std::is_integral_v<T> || std::is_enum_v<T>;
template <typename T>
concept wire_text = std::is_same_v<T, std::string_view> || std::is_same_v<T, std::string>;
template <typename T>
concept wire_opaque = std::is_same_v<T, bytes_view> || std::is_same_v<T, bytes_owned>;
template <typename T>
concept wire_bytes = std::is_same_v<T, buffer_chain> || std::is_same_v<T, piece_list>;

struct any_visitor {
  void operator()(auto&&...) {}
};
template <typename T>
concept wire_struct = requires(T& value, any_visitor& visitor) { value.describe(visitor); };
template <typename T>
concept wire_message = wire_struct<T> && requires { T::info.key; };

template <typename T>
inline constexpr bool is_vector = false;
template <typename T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <typename T>
concept wire_array = is_vector<T>;

template <typename T>
inline constexpr bool is_optional = false;
template <typename T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <typename T>
concept wire_nullable = is_optional<T>;

// The field of `other` that is at the place that `field` has in `self`: how a visitor that is shown
// one struct looks at a second one of the same type (its defaults, or what it is compared with).
template <typename Struct, typename Field>
Field const& counterpart(Struct const& self, Field const& field, Struct const& other) {
  auto place =
      reinterpret_cast<std::byte const*>(&field) - reinterpret_cast<std::byte const*>(&self);
  return *reinterpret_cast<Field const*>(reinterpret_cast<std::byte const*>(&other) + place);
}

// A struct as it is when nobody has set anything.
template <typename Struct>
Struct const& defaults_of() {
  static Struct const defaults{};
  return defaults;
}

}  // namespace karst::net
