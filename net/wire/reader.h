#pragma once

#include "net/wire/input.h"
#include "net/wire/visit.h"

namespace karst::net {

// The fewest bytes that a struct or other value takes in a version: what an array's count is
// checked against before memory is reserved for it.
class smallest_size {
 public:
  smallest_size(std::int16_t version, bool flexible) : version_(version), flexible_(flexible) {}

  template <typename T>
  std::size_t of() {
    if constexpr (wire_struct<T>) {
      auto inner = smallest_size{version_, flexible_};
      inner.bytes_ = flexible_ ? 1 : 0;  // the tag section
      defaults_of<T>().describe(inner);
      return inner.bytes_;
    } else if constexpr (wire_integer<T>) {
      return sizeof(T);
    } else if constexpr (std::is_same_v<T, uuid>) {
      return sizeof(uuid);
    } else if constexpr (wire_nullable<T>) {
      return of<typename T::value_type>();
    } else if constexpr (wire_text<T>) {
      return flexible_ ? 1 : 2;
    } else {
      return flexible_ ? 1 : 4;
    }
  }
  template <typename Field, typename... Options>
  void operator()(char const*, Field const&, Options... options) {
    auto rule = rule_of(options...);
    if (rule.present(version_) && rule.tag == no_tag) bytes_ += of<Field>();
  }

 private:
  std::int16_t version_;
  bool flexible_;
  std::size_t bytes_ = 0;
};

// The reading visitor. Strict: what Kafka's own encoder would never write is a failure, so that a
// broken or hostile peer is found at the first byte that is wrong (reference: KAFKA-2878 for the
// counts).
class reader {
 public:
  reader(input& in, std::int16_t version, bool flexible)
      : in_(in), version_(version), flexible_(flexible) {}

  template <wire_struct T>
  void read(T& value) {
    auto outer = std::exchange(wanted_tag_, no_tag);
    value.describe(*this);
    if (flexible_) tags(value);
    wanted_tag_ = outer;
  }

  template <typename Field, typename... Options>
  void operator()(char const* name, Field& field, Options... options) {
    auto rule = rule_of(options...);
    if (rule.tag != wanted_tag_ || !rule.present(version_) || in_.failed()) return;
    in_.at_field(name);
    tag_known_ = true;
    if constexpr (wire_nullable<Field>) {
      optional(field, rule.nullable(version_));
    } else {
      plain(field);
    }
  }

 private:
  template <wire_struct T>
  void tags(T& value) {
    auto count = in_.varint();
    std::int64_t previous = -1;
    for (std::uint32_t i = 0; i < count && !in_.failed(); ++i) {
      auto number = in_.varint();
      auto size = in_.varint();
      if (number <= previous) return in_.fail("tagged fields out of order or twice");
      if (size > in_.remaining()) return in_.fail("a tagged field longer than the message");
      previous = number;
      auto before = in_.remaining();
      wanted_tag_ = static_cast<std::int32_t>(number & INT32_MAX);
      tag_known_ = false;
      if (number <= INT32_MAX) value.describe(*this);
      if (!tag_known_) in_.skip(size);
      if (!in_.failed() && before - in_.remaining() != size)
        in_.fail("a tagged field of another length than it says");
    }
  }

  template <typename T>
  void plain(T& value) {
    if constexpr (wire_struct<T>) {
      read(value);
      tag_known_ = true;
    } else if constexpr (std::is_same_v<T, bool>) {
      value = in_.integer<std::int8_t>() != 0;
    } else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(in_.integer<std::underlying_type_t<T>>());
    } else if constexpr (wire_integer<T>) {
      value = in_.integer<T>();
    } else if constexpr (std::is_same_v<T, uuid>) {
      in_.gather(std::as_writable_bytes(std::span{value.bytes}));
    } else {
      auto size = in_.length(flexible_, !wire_text<T>);
      if (size < 0) return in_.fail("null, which this version does not allow");
      sized(value, size);
    }
  }

  template <typename T>
  void optional(std::optional<T>& value, bool may_be_null) {
    auto size = in_.length(flexible_, !wire_text<T>);
    value.reset();
    if (size < 0) {
      if (!may_be_null) in_.fail("null, which this version does not allow");
      return;
    }
    sized(value.emplace(), size);
  }

  template <typename T>
  void sized(T& value, std::int64_t size) {
    auto count = static_cast<std::size_t>(size);
    if constexpr (wire_text<T>) {
      value = in_.view(count);
    } else if constexpr (wire_opaque<T>) {
      value.bytes = in_.view(count);
    } else if constexpr (wire_bytes<T>) {
      value = T{in_.share(count)};
    } else {
      using element = typename T::value_type;
      if (!in_.admit(size, smallest_size{version_, flexible_}.of<element>())) return;
      value.resize(count);
      for (auto& item : value) {
        plain(item);
        if (in_.failed()) return;
      }
    }
  }

  input& in_;
  std::int16_t version_;
  bool flexible_;
  std::int32_t wanted_tag_ = no_tag;
  bool tag_known_ = false;
};

}  // namespace karst::net
