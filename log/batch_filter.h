#pragma once

#include <vector>

#include "log/compaction_map.h"
#include "log/compressor.h"
#include "log/record_stream.h"

namespace karst::log {

// What decides which records of a log stay, in one pass over it.
struct filter_rules {
  compaction_map const* map = nullptr;
  wall_ms now = 0;
  std::int64_t delete_retention_ms = 86'400'000;
  std::int64_t max_message_bytes = 1'048'588;
};

struct filter_counts {
  std::uint64_t records = 0;
  std::uint64_t kept = 0;
  std::uint64_t without_key = 0;  // dropped for that: a compacted topic takes none
};

enum class filter_verdict : std::uint8_t {
  more,     // step() again
  keep,     // the batch as it is
  drop,     // nothing of it
  rewrite,  // result() in its place
};

// Compacts one batch after another, as Kafka 3.9 does (Cleaner.shouldRetainRecord,
// MemoryRecords.filterTo): the newest record of each key stays, and everything that the map has not
// seen. A tombstone stays until a delete horizon that its batch gets on its first pass (KIP-534).
// What stays keeps its offset and timestamp; the batch keeps its first and last offset, producer,
// sequence, epoch and codec, because consumers, followers and producers' retries rely on them.
// Control batches and those of transactions are kept whole. A function of its input: no I/O, no
// clock. Works in slices: step() until it says something else than more. One core; batches must
// outlive their verdict.
class batch_filter {
 public:
  explicit batch_filter(decompressor& inflate) : records_(inflate) {}

  // `keep_when_empty`: it holds the last sequence of a live producer, and stays, if without
  // records.
  void start(buffer_chain const& batch, batch_header const& header, filter_rules const& rules,
             bool keep_when_empty);
  // Errors: those of record_stream.
  expected<filter_verdict, errc> step();
  // After rewrite: a whole batch, until the next start().
  std::span<std::byte const> result() const { return result_; }
  // Its header, likewise.
  batch_header const& result_header() const { return made_; }
  filter_counts const& counts() const { return counts_; }

 private:
  bool retains(raw_record const& record) const;
  wall_ms time_of(raw_record const& record) const;
  void decide_on(raw_record const& record);
  filter_verdict decide();
  filter_verdict leave_empty();
  void write(raw_record const& record);
  void finish();

  record_stream records_;
  compressor deflate_;
  buffer_chain const* batch_ = nullptr;
  batch_header header_;
  filter_rules rules_;
  bool keep_when_empty_ = false;
  bool writing_ = false;

  std::vector<bool> kept_;  // by the record's place in the batch
  std::size_t at_ = 0;      // the place of the next record to write
  std::int32_t kept_count_ = 0;
  bool has_tombstones_ = false;
  wall_ms first_time_ = -1;  // of what is kept
  wall_ms max_time_ = -1;

  batch_header made_;
  std::vector<std::byte> result_;
  filter_counts counts_;
};

}  // namespace karst::log
