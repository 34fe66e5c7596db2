#pragma once

#include <span>

#include "net/wire/equal.h"
#include "reactor/base/endian.h"
#include "reactor/base/varint.h"

namespace karst::net {

// Where a writer puts what it makes: counts only. First pass of an encoding, and the length of
// tagged fields.
class counting_sink {
 public:
  void put(std::span<std::byte const> bytes) { size_ += bytes.size(); }
  void pieces(piece_list const& list) { piece_bytes_ += list.size(); }
  void pieces(buffer_chain const& bytes) { piece_bytes_ += bytes.size(); }

  // Bytes that the writer made itself, and those of the records it was given.
  std::size_t size() const { return size_; }
  std::size_t piece_bytes() const { return piece_bytes_; }

 private:
  std::size_t size_ = 0;
  std::size_t piece_bytes_ = 0;
};

// Writes into one buffer of exactly the counted size; records are moved out of the message and
// stand between slices of that buffer.
class piece_sink {
 public:
  explicit piece_sink(std::size_t size) : bytes_(buffer::allocate(size)) {}

  void put(std::span<std::byte const> bytes) {
    if (bytes.empty()) return;  // an empty text may have no address at all
    KARST_ASSERT(bytes.size() <= bytes_.size() - written_, "{} after {} of {}", bytes.size(),
                 written_, bytes_.size());
    std::memcpy(bytes_.data() + written_, bytes.data(), bytes.size());
    written_ += bytes.size();
  }
  void pieces(piece_list& list) {
    if (list.empty()) return;
    cut();
    for (auto& piece : list.pieces) done_.push_back(std::move(piece));
    list.pieces.clear();
  }
  void pieces(buffer_chain& bytes) {
    if (bytes.empty()) return;
    cut();
    done_.emplace_back(std::move(bytes));
    bytes.clear();
  }
  std::vector<response_piece> finish() {
    KARST_ASSERT(written_ == bytes_.size(), "{} of {}", written_, bytes_.size());
    cut();
    return std::move(done_);
  }

 private:
  void cut() {
    if (written_ != cut_) done_.emplace_back(buffer_chain{bytes_.slice(cut_, written_ - cut_)});
    cut_ = written_;
  }
  buffer bytes_;
  std::size_t written_ = 0;
  std::size_t cut_ = 0;
  std::vector<response_piece> done_;
};

// The writing visitor, and with a counting_sink the sizing one. Null in a version that knows no
// null is written as empty; fields that the version lacks are left out.
template <typename Sink>
class writer {
 public:
  writer(Sink& sink, std::int16_t version, bool flexible)
      : sink_(sink), version_(version), flexible_(flexible) {}

  template <typename T>
  void write(T& value) {
    auto fields = struct_fields<T>{*this, value};
    value.describe(fields);
    if (!flexible_) return;
    varint(fields.tagged);
    if (fields.tagged == 0) return;
    fields.tags_only = true;
    value.describe(fields);
  }

 private:
  template <typename T>
  struct struct_fields {
    writer& owner;
    T& self;
    std::uint32_t tagged = 0;  // tagged fields that are not their default
    bool tags_only = false;
    std::int32_t last_tag = no_tag;

    template <typename Field, typename... Options>
    void operator()([[maybe_unused]] char const* name, Field& field, Options... options) {
      auto rule = rule_of(options...);
      if (!rule.present(owner.version_)) return;
      if constexpr (!(std::is_same_v<Options, net::tag> || ...)) {
        if (!tags_only) owner.value(field, rule);
      } else {
        using plain = std::remove_const_t<T>;
        auto const& initial = counterpart<plain>(self, field, defaults_of<plain>());
        if (equal(std::as_const(field), initial, owner.version_)) return;
        if (!tags_only) {
          ++tagged;
          return;
        }
        KARST_ASSERT(rule.tag > last_tag, "{}: tags must be described in ascending order", name);
        last_tag = rule.tag;
        owner.tagged_field(field, rule);
      }
    }
  };

  template <typename Field>
  void tagged_field(Field& field, field_rule rule) {
    counting_sink count;
    writer<counting_sink>{count, version_, flexible_}.value(std::as_const(field), rule);
    varint(static_cast<std::uint32_t>(rule.tag));
    varint(static_cast<std::uint32_t>(count.size() + count.piece_bytes()));
    value(field, rule);
  }

  template <typename T>
  void value(T& field, field_rule rule) {
    using plain = std::remove_const_t<T>;
    if constexpr (wire_nullable<plain>) {
      using content = typename plain::value_type;
      if (field.has_value()) {
        value(*field, rule);
      } else {
        length(rule.nullable(version_) ? -1 : 0, !wire_text<content>);
      }
    } else if constexpr (wire_struct<plain>) {
      write(field);
    } else if constexpr (std::is_same_v<plain, bool>) {
      integer<std::int8_t>(field ? 1 : 0);
    } else if constexpr (std::is_enum_v<plain>) {
      integer(static_cast<std::underlying_type_t<plain>>(field));
    } else if constexpr (wire_integer<plain>) {
      integer(field);
    } else if constexpr (std::is_same_v<plain, uuid>) {
      sink_.put(std::as_bytes(std::span{field.bytes}));
    } else {
      length(static_cast<std::int64_t>(field.size()), !wire_text<plain>);
      if constexpr (wire_text<plain>) {
        sink_.put(std::as_bytes(std::span{field.data(), field.size()}));
      } else if constexpr (wire_opaque<plain>) {
        sink_.put(std::as_bytes(std::span{field.bytes}));
      } else if constexpr (wire_bytes<plain>) {
        sink_.pieces(field);
      } else {
        for (auto& item : field) value(item, {});
      }
    }
  }

  template <std::integral T>
  void integer(T number) {
    std::byte bytes[sizeof(T)];
    store_be(bytes, number);
    sink_.put(bytes);
  }
  void varint(std::uint64_t number) {
    std::uint8_t bytes[max_varint64_bytes];
    sink_.put(std::as_bytes(std::span{bytes, write_varint(bytes, number)}));
  }
  void length(std::int64_t size, bool wide) {
    if (flexible_) {
      varint(static_cast<std::uint64_t>(size + 1));
    } else if (wide) {
      integer(static_cast<std::int32_t>(size));
    } else {
      KARST_ASSERT(size <= INT16_MAX, "a string of {} bytes in an inflexible version", size);
      integer(static_cast<std::int16_t>(size));
    }
  }

  template <typename Other>
  friend class writer;
  Sink& sink_;
  std::int16_t version_;
  bool flexible_;
};

}  // namespace karst::net
