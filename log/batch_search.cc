#include "log/batch_search.h"

#include <limits>

#include "log/record_walk.h"
#include "reactor/yield.h"

namespace karst::log {

task<expected<std::optional<time_lookup>, errc>> find_by_time(decompressor_pool& pool,
                                                              buffer_chain const& batch,
                                                              wall_ms at) {
  std::array<std::byte, batch_layout::header_bytes> scratch;
  auto header = batch_header::decode(batch.contiguous(0, scratch.size(), scratch.data()));
  if (header.max_timestamp < at) co_return std::nullopt;
  // All records have the batch's time: the first is the answer.
  if (header.time() == timestamp_type::log_append_time) {
    co_return time_lookup{header.max_timestamp, header.base, header.leader_epoch};
  }
  std::optional<time_lookup> found;
  auto visit = [&](record_facts const& facts) {
    auto timestamp = header.base_timestamp + facts.timestamp_delta;
    if (timestamp < at) return true;
    found = time_lookup{timestamp, header.base + facts.offset_delta, header.leader_epoch};
    return false;
  };
  auto lease = co_await pool.take();
  // No limit: what the log holds was within it when it was appended.
  record_walk walk{*lease, batch, header, std::numeric_limits<std::size_t>::max()};
  while (true) {
    auto state = walk.step(visit);
    if (!state) co_return std::unexpected(state.error());
    if (*state != walk_state::more) break;
    co_await yield{};
  }
  co_return found;
}

}  // namespace karst::log
