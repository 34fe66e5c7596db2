#pragma once

#include <vector>

#include "log/batch.h"
#include "log/compressor.h"
#include "log/record.h"

namespace karst::log {

struct batch_options {
  codec compression = codec::none;
  int level = compressor::default_level;
  offset base{0};  // clients send 0; whoever appends stamps it
  log::leader_epoch leader_epoch{-1};
  timestamp_type time = timestamp_type::create_time;
  log::producer_id producer{-1};
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  bool transactional = false;
  bool control = false;
};

// Builds record batches, one after another: for the client, the tools, internal topics and tests.
// Owns the bytes it gathers; whoever uses it decides when a batch is large enough. A value; no I/O.
class batch_builder {
 public:
  explicit batch_builder(batch_options options = {}) : options_(options) { clear(); }

  // Adds a record; offsets are given 0..n-1. Timestamps are absolute; -1 is none.
  void add(wall_ms timestamp, std::optional<std::string_view> key,
           std::optional<std::string_view> value, std::vector<record_header> headers = {});
  std::int32_t count() const { return header_.record_count; }
  // Bytes that the batch would have without compression.
  std::size_t size_bytes() const { return batch_layout::header_bytes + records_.size(); }

  // The batch, with its CRC; there must be a record. The builder is then empty, and goes on with
  // the same options: the base sequence moves on behind this batch.
  buffer finish();

 private:
  void clear();

  batch_options options_;
  batch_header header_;
  std::vector<std::byte> records_;
  compressor deflate_;
};

}  // namespace karst::log
