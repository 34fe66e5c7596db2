#pragma once

#include <cstdint>
#include <string_view>

#include "reactor/base/errc.h"

namespace karst::log {

// Why a log refuses or fails. cluster/api/errors maps each to one Kafka error code.
enum class errc : std::uint8_t {
  corrupt_batch,            // CRC, length or framing does not match: CORRUPT_MESSAGE
  invalid_record,           // counts, deltas, control bit, key: INVALID_RECORD
  unsupported_magic,        // record batch v0 or v1: UNSUPPORTED_FOR_MESSAGE_FORMAT
  unsupported_compression,  // unknown codec, or zstd before Produce v7
  batch_too_large,          // above max.message.bytes, or inflates beyond what a batch may
  invalid_timestamp,        // outside message.timestamp.{before,after}.max.ms
  out_of_order_sequence,
  invalid_producer_epoch,
  invalid_transaction_state,  // the transactional flag without a transactional id:
                              // INVALID_TXN_STATE
  offset_out_of_range,
  storage_failed,   // a write or sync failed: final for the directory (STORAGE.md 6)
  space_exhausted,  // hard mark reached: tried again when there is room
  damaged,          // bad CRC below durable_through: the partition is offline
  timed_out,        // not done by the caller's deadline: REQUEST_TIMED_OUT
  closed,           // the log is being closed, moved or deleted
};

std::string_view describe(errc code);

// Of an allocation or creation: nothing has happened, and there may be room later (STORAGE.md 6).
bool is_refusal(karst::errc code);

}  // namespace karst::log
