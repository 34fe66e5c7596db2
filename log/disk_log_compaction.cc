// What compaction does to a log: finding what is dirty, exchanging segments (log/cleaner.h decides
// when, log/compaction_pass.h writes the new ones).
#include "log/compaction_swap.h"
#include "log/disk_log.h"
#include "reactor/base/logging.h"
#include "reactor/yield.h"

namespace karst::log {

// The largest timestamp of a segment's first batch; -1: it has none.
task<expected<wall_ms, errc>> disk_log::first_time(std::shared_ptr<segment> part) {
  if (part->first_timestamp >= 0 || part->size == 0) co_return part->first_timestamp;
  auto head = co_await fetch(part, 0, batch_layout::header_bytes);
  if (!head) co_return std::unexpected(head.error());
  std::array<std::byte, batch_layout::header_bytes> scratch;
  if (head->bytes.size() < scratch.size()) co_return std::unexpected(errc::corrupt_batch);
  head->bytes.copy_to(0, scratch.data(), scratch.size());
  part->first_timestamp = batch_header::decode(scratch.data()).max_timestamp;
  co_return part->first_timestamp;
}

// Kafka 3.9: LogCleanerManager.cleanableOffsets, maxCompactionDelay. Only sealed segments whose
// records are all visible to consumers, in the segments' files, and older than the least lag.
task<disk_log::dirt> disk_log::look_for_dirt(wall_ms now) {
  dirt found;
  // What rolled may still be in the journal only, for as long as its files are not needed.
  co_await stage_sealed(active().base());
  found.from = cleaned_to_ < log_start_ || cleaned_to_ > end_ ? log_start_ : cleaned_to_;
  auto oldest = std::numeric_limits<wall_ms>::max();
  auto part = segments_.begin()->second;
  while (true) {
    auto const next = segment_after(*part);
    if (!next || part->base() >= staged_.segment || next->base() > durable_end_) break;
    auto const dirty = next->base() > found.from;
    if (dirty && config_.min_compaction_lag_ms > 0) {
      auto known = co_await know_timestamps(part);
      if (!known || part->retired) break;
      auto const newest = part->max_timestamp < 0 ? part->appended : part->max_timestamp;
      if (newest > now - config_.min_compaction_lag_ms) break;
    }
    if (dirty && config_.max_compaction_lag_ms != std::numeric_limits<std::int64_t>::max()) {
      auto first = co_await first_time(part);
      if (!first || part->retired) break;
      if (*first > 0) oldest = std::min(oldest, *first);
    }
    (dirty ? found.dirty_bytes : found.clean_bytes) += part->size;
    found.end = next->base();
    part = next;
  }
  found.overdue = oldest < now - config_.max_compaction_lag_ms;
  co_return found;
}

task<> disk_log::stop_cleaning() {
  ++cleaning_stops_;
  while (cleaning_) (void)co_await cleaning_ended_.wait();
}

bool disk_log::is_last_of_producer(batch_header const& batch) const {
  if (!batch.has_producer()) return false;
  auto const* known = producers_.find(batch.producer);
  auto const* newest = known == nullptr ? nullptr : known->newest();
  return newest != nullptr && newest->last == batch.last();
}

std::shared_ptr<segment> disk_log::make_cleaned_segment(offset base) {
  return std::make_shared<segment>(services_.segment_files, path_, base);
}

// Whether they are the log's segments, one after another, and nothing lies between.
bool disk_log::still_has(std::vector<std::shared_ptr<segment>> const& parts) const {
  auto at = segments_.find(parts.front()->base());
  for (auto const& part : parts) {
    if (at == segments_.end() || at->second != part || part->retired) return false;
    if (part->base() >= staged_.segment) return false;
    ++at;
  }
  return true;
}

task<expected<void, errc>> disk_log::replace_segments(std::vector<std::shared_ptr<segment>> old,
                                                      std::shared_ptr<segment> cleaned) {
  (void)co_await file_names_.take(1);
  expected<void, errc> done = std::unexpected(errc::closed);
  if (may_clean() && still_has(old)) done = co_await exchange(std::move(old), std::move(cleaned));
  file_names_.give(1);
  co_return done;
}

task<expected<void, errc>> disk_log::exchange(std::vector<std::shared_ptr<segment>> old,
                                              std::shared_ptr<segment> cleaned) {
  compaction_swap swap{.result = cleaned->base()};
  for (auto const& part : old) swap.replaced.push_back(part->base());
  // Giving memory back takes the kernel a while: piece by piece, others in between.
  constexpr std::size_t pieces_at_once = 8;
  while (!tail_.forget_through(old.back()->base(), pieces_at_once)) co_await yield{};
  auto decided = co_await decide(path_, swap);
  if (!decided && is_refusal(decided.error())) {
    report("no room to finish compacting", decided.error());
    co_return std::unexpected(errc::space_exhausted);
  }
  if (decided) {
    // Whoever opens a replaced segment's file from now on might meet another: it learns that the
    // segment is retired, and waits for the new one's files.
    for (auto const& part : old) {
      part->retired = true;
      segments_.erase(part->base());
    }
    segments_[cleaned->base()] = cleaned;
    // Before their names go: whoever closes a file without a name frees its blocks, and that is
    // no work for a core.
    for (auto const& part : old) co_await part->close_files();
    decided = co_await finish(path_, swap);
    while (!decided && services_.worth_waiting(decided.error())) {
      (void)co_await sleep_until(core::current().now() + refusal_patience);
      decided = co_await finish(path_, swap);
    }
  }
  if (!decided) {
    services_.fail(
        fmt::format("exchanging compacted segments in {}: {}", path_, describe(decided.error())));
    cleaned->installed().wake_all();
    co_return std::unexpected(errc::storage_failed);
  }
  cleaned->mark_usable();
  cleaned->installed().wake_all();
  services_.indexes.use(*cleaned, cleaned->index_memory());
  co_return expected<void, errc>{};
}

}  // namespace karst::log
