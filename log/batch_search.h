#pragma once

#include <optional>

#include "log/decompressor_pool.h"
#include "log/partition_log.h"

namespace karst::log {

// The first record of the batch whose timestamp is `at` or later, looked up inside a compressed
// batch too: ListOffsets by time, exact to the record; with the batch's max timestamp, the record
// that has it. nullopt: none. The batch must be whole and from a log (its bytes were checked when
// it was appended); corrupt_batch or invalid_record say that they have changed since. Yields
// between slices.
task<expected<std::optional<time_lookup>, errc>> find_by_time(decompressor_pool& pool,
                                                              buffer_chain const& batch,
                                                              wall_ms at);

}  // namespace karst::log
