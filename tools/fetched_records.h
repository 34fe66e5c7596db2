#pragma once

#include <optional>

#include "log/batch_cursor.h"
#include "net/client.h"

namespace karst::tools {

struct consumed_record {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp = -1;
  log::record const* content = nullptr;
};

// Walks the records that one fetch of a partition brought, from an offset on: checks each batch,
// inflates it, and passes over what is not for readers. A value on the stack, no I/O.
class fetched_records {
 public:
  fetched_records(net::topic_partition where, std::int64_t from, buffer_chain const& records);
  fetched_records(fetched_records const&) = delete;

  // The next record, valid until the next call; nullptr at the end. The error: it is damaged.
  expected<consumed_record const*, error> next();
  // Where to read on: behind the last record that was given, and what followed it without records.
  std::int64_t position() const { return position_; }

 private:
  expected<bool, error> open_batch();

  net::topic_partition where_;
  std::int64_t position_;
  buffer bytes_;
  log::batch_cursor batches_;
  std::optional<log::batch_header> header_;  // of the open batch
  buffer inflated_;
  std::optional<log::record_cursor> records_;
  consumed_record current_;
};

}  // namespace karst::tools
