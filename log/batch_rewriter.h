#pragma once

#include "log/decompressor.h"
#include "log/validated_batch.h"
#include "reactor/task.h"

namespace karst::log {

// The second append path, off the fast one: batches whose CRC-covered bytes must change
// before they are appended, because the topic says LogAppendTime or another codec, or because an
// old client sent a wrong maxTimestamp or record offsets with gaps. What comes in has passed every
// other check, its CRC included; what goes out has a fresh one.
struct rewrite_plan {
  std::optional<wall_ms> log_append_time;  // stamp this time and the attribute
  std::optional<wall_ms> max_timestamp;    // correct the header's
  std::optional<codec> recompress_to;
  bool renumber = false;  // give the records offsets 0..n-1

  bool needed() const {
    return log_append_time || max_timestamp || recompress_to.has_value() || renumber;
  }
};

// Yields the core between slices when records have to be written again. Errors: batch_too_large
// when renumbering would need more than limit::renumbered_bytes of memory, invalid_record or
// corrupt_batch if the batch is not what was promised.
task<expected<validated_batch, errc>> rewrite(validated_batch batch, rewrite_plan plan,
                                              decompressor& inflate, std::size_t most_output);

}  // namespace karst::log
