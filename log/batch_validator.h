#pragma once

#include <string>
#include <vector>

#include "log/batch_rewriter.h"
#include "log/config.h"
#include "log/decompressor_pool.h"
#include "log/errc.h"
#include "log/validated_batch.h"

namespace karst::log {

// What a batch from a client must obey: from its topic's configuration and its request.
struct validation_rules {
  std::int64_t max_message_bytes = 1'048'588;
  timestamp_type time = timestamp_type::create_time;
  std::int64_t timestamp_before_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t timestamp_after_max_ms = std::numeric_limits<std::int64_t>::max();
  std::int8_t recompress_to = -1;      // a codec; -1: as the producer chose
  bool keys_required = false;          // compacted topics
  bool zstd_allowed = true;            // Produce v7 and later
  bool transactional_allowed = false;  // the request has a transactional id
  wall_ms now = 0;

  static validation_rules of(log_config const& config, wall_ms now);
};

// One record that was refused, by its index in the batch: what Produce v8 and later report.
struct record_error {
  std::int32_t index = 0;
  std::string message;
};

// Why a batch was refused. The message is for the producer's operator; records may name more than
// one record, at most limit::record_errors.
struct batch_error {
  errc code = errc::invalid_record;
  std::string message;
  std::vector<record_error> records;
};

// Checks the batches that clients send, as Kafka's LogValidator does: framing, magic, codec,
// attributes, counts, offsets, sequence, timestamps and every record to its last byte, inside
// compressed batches too. The CRC is left to append, which computes it while it copies; but when
// another check fails it is computed, because damage on the way explains the rest (corrupt_batch).
// One per core; its calls may overlap. Batches that append would have to change are rewritten here
// (batch_rewriter), CRC checked.
class batch_validator {
 public:
  using result = expected<validated_batch, batch_error>;

  // Whether validate_now will do: an uncompressed batch of at most limit::validated_at_once bytes
  // that needs no rewriting by `rules`.
  static bool quick(buffer_chain const& records, validation_rules const& rules);
  // For quick batches, without a task. nullopt when it turns out to need rewriting: then `records`
  // is untouched, and validate() it.
  std::optional<result> validate_now(buffer_chain& records, validation_rules const& rules);
  // For any batch, in slices that yield the core. `records` is the one batch of a produce request's
  // partition.
  task<result> validate(buffer_chain records, validation_rules rules);

  decompressor_pool& decompressors() { return pool_; }

 private:
  decompressor_pool pool_;
  decompressor pass_through_;  // for validate_now: codec none needs no context and never overlaps
};

}  // namespace karst::log
