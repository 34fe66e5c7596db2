#pragma once

#include "net/wire/visit.h"

namespace karst::net {

// The equality visitor: compares two structs of one type in the fields that a version has.
class equality {
 public:
  explicit equality(std::int16_t version) : version_(version) {}

  template <typename T>
  bool same(T const& one, T const& other) {
    compare(one, other);
    return equal_;
  }

 private:
  template <typename T>
  struct struct_pair {
    equality& owner;
    T const& one;
    T const& other;
    template <typename Field, typename... Options>
    void operator()(char const*, Field const& field, Options... options) {
      if (!rule_of(options...).present(owner.version_)) return;
      owner.compare(field, counterpart(one, field, other));
    }
  };

  template <typename T>
  void compare(T const& one, T const& other) {
    if constexpr (wire_struct<T>) {
      auto pair = struct_pair<T>{*this, one, other};
      one.describe(pair);
    } else if constexpr (wire_array<T>) {
      if (one.size() != other.size()) equal_ = false;
      for (std::size_t i = 0; equal_ && i < one.size(); ++i) compare(one[i], other[i]);
    } else if constexpr (wire_nullable<T>) {
      if (one.has_value() != other.has_value()) equal_ = false;
      if (equal_ && one.has_value()) compare(*one, *other);
    } else if constexpr (std::is_same_v<T, buffer_chain>) {
      if (one.to_string() != other.to_string()) equal_ = false;
    } else if constexpr (std::is_same_v<T, piece_list>) {
      compare_pieces(one, other);
    } else {
      if (!(one == other)) equal_ = false;
    }
  }

  // Only pieces in memory can be told apart; the length decides for those in files.
  void compare_pieces(piece_list const& one, piece_list const& other) {
    if (one.size() != other.size() || text_of(one) != text_of(other)) equal_ = false;
  }
  static std::string text_of(piece_list const& list) {
    std::string text;
    for (auto const& piece : list.pieces) {
      if (auto const* bytes = std::get_if<buffer_chain>(&piece)) text += bytes->to_string();
      if (auto const* bytes = std::get_if<foreign<buffer_chain>>(&piece))
        text += (*bytes)->to_string();
    }
    return text;
  }

  std::int16_t version_;
  bool equal_ = true;
};

template <typename T>
bool equal(T const& one, T const& other, std::int16_t version) {
  return equality{version}.same(one, other);
}

}  // namespace karst::net
