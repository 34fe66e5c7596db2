#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace karst::bench {

// What one partition of a Fetch answer said.
struct fetched_partition {
  std::int32_t index = 0;
  std::int16_t error = 0;
  std::int64_t high_watermark = 0;
  std::int64_t next_offset = -1;  // behind the last whole batch; -1: none came
  std::uint64_t records = 0;
};

// Reads Fetch answers of version 11 as their bytes arrive, and keeps only what a reader must know
// to go on: it passes over everything but the headers of answer, partitions and batches. No
// allocation per answer once the first was read, none at all per batch. A plain value; the caller
// receives, and gives the bytes of one answer after the other, in order.
class fetch_answer {
 public:
  static constexpr std::int16_t version = 11;
  // Length, correlation id, throttle time, error, session, number of topics: every answer has them.
  static constexpr std::size_t head_bytes = 22;

  // The next answer begins: the first bytes are those of its length.
  void begin();
  // Bytes of the answer, at most left().
  void feed(std::span<std::byte const> bytes);
  // What is still to come of the answer; head_bytes before its length is known.
  std::size_t left() const { return left_; }
  // The bytes are no Fetch answer of this version.
  bool malformed() const { return malformed_; }

  std::int16_t error() const { return error_; }
  std::uint64_t record_bytes() const { return record_bytes_; }
  std::vector<fetched_partition> const& partitions() const { return partitions_; }

 private:
  enum class part : std::uint8_t {
    head,
    topic_name,
    topic,
    partition,
    records,
    batch,
    end,
  };
  static std::size_t bytes_of(part next);

  void read(std::byte const* from);
  void read_head(std::byte const* from);
  void read_partition(std::byte const* from);
  void read_batch(std::byte const* from);
  void next_batch();
  void next_partition();
  void skip(std::int64_t bytes);

  part next_ = part::head;
  std::size_t left_ = head_bytes;
  std::size_t skipped_ = 0;  // bytes to pass over before next_
  std::size_t held_bytes_ = 0;
  std::array<std::byte, 64> held_;  // of a part that came in pieces
  std::int16_t error_ = 0;
  std::int32_t topics_left_ = 0;
  std::int32_t partitions_left_ = 0;
  std::size_t records_left_ = 0;
  std::uint64_t record_bytes_ = 0;
  bool malformed_ = false;
  std::vector<fetched_partition> partitions_;
};

}  // namespace karst::bench
