#pragma once

#include <optional>

#include "log/batch.h"
#include "log/record.h"

namespace karst::log {

// A whole batch inside some bytes.
struct batch_view {
  batch_header header;
  std::span<std::byte const> bytes;
};

enum class cursor_state : std::uint8_t {
  more,       // next() may find another batch
  end,        // the bytes ended between two batches
  cut,        // the bytes end inside a batch: normal for a fetched or torn end
  malformed,  // the next bytes cannot be a batch v2: wrong magic or impossible length
};

// Walks the batches in contiguous bytes, as a segment file, a fetch answer or a recovery window
// holds them. Checks only framing (length and magic), not the CRC. A value; the bytes must outlive
// it and the views it gives.
class batch_cursor {
 public:
  explicit batch_cursor(std::span<std::byte const> bytes) : bytes_(bytes) {}

  // The next whole batch, or nullopt; state() then says why.
  std::optional<batch_view> next();
  cursor_state state() const { return state_; }
  // Bytes of the batches returned so far: the position of the next one.
  std::size_t consumed() const { return consumed_; }

 private:
  std::span<std::byte const> bytes_;
  std::size_t consumed_ = 0;
  cursor_state state_ = cursor_state::more;
};

// Walks the records in the uncompressed record bytes of one batch (what follows the header, or what
// the codec inflated). The record's views and its header vector are reused by the next call.
class record_cursor {
 public:
  record_cursor(std::span<std::byte const> records, std::int32_t count)
      : bytes_(records), left_(count) {}

  // The next record, or nullptr at the end or when it is malformed; failed() tells which.
  record const* next();
  bool failed() const { return failed_; }

 private:
  std::span<std::byte const> bytes_;
  std::int32_t left_;
  bool failed_ = false;
  record current_;
};

}  // namespace karst::log
