#pragma once

#include <cstdint>
#include <span>

#include "reactor/base/varint.h"

namespace karst::log {

// What a validator or a search needs of a record: neither its key nor its value.
struct record_facts {
  std::int64_t timestamp_delta = 0;
  std::int32_t offset_delta = 0;
  bool has_key = false;
};

// Takes record bytes in pieces, as the network or a codec gives them, and checks each record to its
// last field without ever holding one: a record inside a piece is parsed in place, one that spans
// pieces byte by byte. A value; one batch at a time.
class record_scanner {
 public:
  // The first record's bytes come next.
  void start() { *this = record_scanner{}; }
  // Calls visit(record_facts const&) for each record that ends in `bytes`; it returns false to stop
  // there. False when the bytes are malformed (then nothing more may be fed) or visit stopped;
  // malformed() tells which.
  template <typename Visit>
  bool feed(std::span<std::byte const> bytes, Visit&& visit) {
    auto const* at = reinterpret_cast<std::uint8_t const*>(bytes.data());
    auto const* end = at + bytes.size();
    while (at != end) {
      if (field_ == field::length && shift_ == 0) {
        auto const* next = parse_whole(at, end);
        if (malformed_) return false;
        if (next != nullptr) {
          at = next;
          if (!visit(facts_)) return false;
          continue;
        }
      }
      // The record goes on beyond this piece, or came with an earlier one.
      if (!take_parts(at, end)) return false;
      if (field_ == field::length && shift_ == 0 && !visit(facts_)) return false;
    }
    return true;
  }
  bool malformed() const { return malformed_; }
  // No record is half fed.
  bool between_records() const { return field_ == field::length && shift_ == 0; }

 private:
  enum class field : std::uint8_t {
    length,
    attributes,
    timestamp,
    offset,
    key_length,
    key,
    value_length,
    value,
    header_count,
    header_key_length,
    header_key,
    header_value_length,
    header_value,
  };

  // The record at `at` if all of it is there: returns its end and fills facts_. nullptr when it
  // goes on beyond `end` or is malformed.
  std::uint8_t const* parse_whole(std::uint8_t const* at, std::uint8_t const* end);
  // Advances through the fields of one record, at most to its end; false when malformed.
  bool take_parts(std::uint8_t const*& at, std::uint8_t const* end);
  bool take_number(std::uint8_t const*& at, std::uint8_t const* end, bool& whole);
  bool finish_number();
  bool begin_bytes(std::int64_t least, field with, field without);
  bool end_of_headers();
  bool fail() {
    malformed_ = true;
    return false;
  }

  record_facts facts_;
  field field_ = field::length;
  std::uint8_t shift_ = 0;  // bits of the number read so far
  std::uint64_t number_ = 0;
  std::int64_t left_ = 0;     // bytes of the record that were not taken yet
  std::int64_t skip_ = 0;     // bytes of a key or value that were not taken yet
  std::int64_t headers_ = 0;  // headers that were not taken yet
  bool malformed_ = false;
};

}  // namespace karst::log
