// Removing what a log's policy does not keep, and the files of removed logs (STORAGE.md 4).
#include "log/disk_log.h"
#include "reactor/base/logging.h"

namespace karst::log {

// A segment's age counts from its newest record or from its last append, whichever is earlier: a
// record from the future must not keep the others for ever. Copies of a segment may look younger,
// never older.
task<std::optional<wall_ms>> disk_log::newest_time(std::shared_ptr<segment> part) {
  if (part->appended == 0) {
    auto status = co_await status_of(part->path(segment_file::log));
    if (!status) co_return std::nullopt;
    part->appended = std::max(part->appended, status->modified);
  }
  if (!part->max_timestamp_known()) {
    if (auto loaded = co_await load_for_reading(part); !loaded) co_return std::nullopt;
  }
  if (part->max_timestamp < 0) co_return part->appended;
  co_return std::min(part->max_timestamp, part->appended);
}

// Whether the active segment takes no more records though none comes: it is as old as segment.ms
// says, or retention would delete it.
task<bool> disk_log::is_past_use(wall_ms now) {
  auto part = segments_.rbegin()->second;
  if (part->size == 0 || durable_end_ < end_) co_return false;
  if (part->created != 0 && now - part->created > segment_age_most()) co_return true;
  if (!config_.delete_old || config_.retention_ms < 0) co_return false;
  auto const newest = co_await newest_time(part);
  co_return newest&& now - *newest > config_.retention_ms;
}

// An idle log's active segment ends by time as well; then it can be deleted or compacted.
task<> disk_log::roll_idle(wall_ms now) {
  if (!(co_await is_past_use(now)) || refusal()) co_return;
  while (growing_ && !refusal()) (void)co_await grown_.wait();
  if (refusal()) co_return;
  growing_ = true;
  auto const awake = tail_.started() ? expected<>{} : co_await wake_up();
  expected<> done;
  if (awake && !spare_ready_) done = co_await prepare_next();
  growing_ = false;
  grown_.wake_all();
  // A refusal is tried again at the next check.
  if (!done) (void)no_room(done.error());
  if (!awake || !done || refusal() || durable_end_ < end_ || !spare_ready_ || active().size == 0)
    co_return;
  if (!journal_head()) co_return;
  roll();
  durable_position_ = tail_.end();
  co_await stage_sealed(active().base());
  if (!refusal()) (void)co_await carry();
}

// Moves what lies below `base` of a newer segment from the journal into its own segments, now
// rather than when the journal's files are needed.
task<> disk_log::stage_sealed(offset base) {
  while (staged_.segment < base && !refusal()) {
    auto const before = staged_;
    if (auto staged = co_await destage(); !staged || staged_ == before) co_return;
  }
}

// Where the log would start if retention had its way: the base of a segment.
task<offset> disk_log::retained_from(wall_ms now) {
  auto bytes = static_cast<std::int64_t>(size_bytes());
  auto start = segments_.begin()->first;
  while (true) {
    // Looked up anew: the segments may have changed during an await.
    auto const at = segments_.lower_bound(start);
    if (at == segments_.end() || std::next(at) == segments_.end()) co_return start;
    auto const part = at->second;
    auto const next = std::next(at)->first;
    // Never past what consumers may have seen.
    if (next > durable_end_) co_return start;
    auto const size = static_cast<std::int64_t>(part->size);
    auto const too_large = config_.retention_bytes >= 0 && bytes - size >= config_.retention_bytes;
    if (!too_large) {
      if (config_.retention_ms < 0) co_return start;
      auto const newest = co_await newest_time(part);
      if (!newest || now - *newest <= config_.retention_ms) co_return start;
    }
    bytes -= size;
    start = next;
  }
}

task<> disk_log::apply_retention(wall_ms now) {
  if (refusal()) co_return;
  auto inside = users_.enter();
  // While the log is cut there is nothing to do: what is too old still is the next time.
  if (!changing_.try_take(1)) co_return;
  co_await remove_expired(now);
  changing_.give(1);
}

task<> disk_log::remove_expired(wall_ms now) {
  co_await roll_idle(now);
  // What a crash left after a log start became durable.
  co_await delete_below_start();
  if (refusal() || segments_.size() < 2 || !config_.delete_old) co_return;
  auto const start = co_await retained_from(now);
  if (refusal() || start <= log_start_) co_return;
  co_await stage_sealed(start);
  if (refusal() || staged_.segment < start) co_return;
  if (auto moved = co_await move_log_start(start); !moved) co_return;
  logging::info("log", "{}-{}: retention moved the log start to {}", topic_, partition_,
                start.value);
}

task<std::optional<doomed_segment>> disk_log::oldest_segment() {
  if (refusal() || segments_.size() < 2 || !config_.delete_old || config_.compact) {
    co_return std::nullopt;
  }
  auto inside = users_.enter();
  auto const part = segments_.begin()->second;
  auto const next = std::next(segments_.begin())->first;
  if (part->base() >= staged_.segment || next > durable_end_) co_return std::nullopt;
  auto const newest = co_await newest_time(part);
  if (!newest || part->retired) co_return std::nullopt;
  co_return doomed_segment{.log = id_, .base = part->base(), .newest = *newest};
}

task<std::uint64_t> disk_log::delete_early(doomed_segment doomed) {
  if (refusal() || segments_.size() < 2 || segments_.begin()->first != doomed.base) co_return 0;
  auto inside = users_.enter();
  auto const bytes = segments_.begin()->second->size;
  auto const next = std::next(segments_.begin())->first;
  if (doomed.base >= staged_.segment || next > durable_end_) co_return 0;
  if (auto moved = co_await move_log_start(next); !moved) co_return 0;
  logging::warn("log",
                "{}-{}: deleted the segment from {} to {} ({} bytes) before its time, because {} "
                "is below its soft mark (karst.space.policy=delete-oldest)",
                topic_, partition_, doomed.base.value, next.value, bytes, services_.directory);
  co_return bytes;
}

task<expected<void, errc>> disk_log::advance_log_start(offset to) {
  if (auto refused = refusal()) co_return std::unexpected(*refused);
  auto inside = users_.enter();
  (void)co_await changing_.take(1);
  expected<void, errc> done;
  if (auto refused = refusal()) {
    done = std::unexpected(*refused);
  } else if (to > durable_end_) {
    done = std::unexpected(errc::offset_out_of_range);
  } else if (to > log_start_) {
    done = co_await move_log_start(to);
  }
  changing_.give(1);
  co_return done;
}

// The new start is durable before any file goes (I-22). Readers of a deleted segment learn that it
// is retired.
task<expected<void, errc>> disk_log::move_log_start(offset start) {
  log_start_ = start;
  epochs_.truncate_from_start(start);
  if (auto carried = co_await carry(); !carried) co_return carried;
  durable_start_ = std::max(durable_start_, start);
  co_await delete_below_start();
  co_return expected<void, errc>{};
}

task<> disk_log::delete_below_start() {
  (void)co_await file_names_.take(1);
  while (!refusal() && segments_.size() > 1 &&
         std::next(segments_.begin())->first <= durable_start_ &&
         segments_.begin()->first < staged_.segment) {
    auto old = segments_.begin()->second;
    old->retired = true;
    segments_.erase(segments_.begin());
    co_await old->close_files();
    if (auto gone = co_await old->unlink_all(&services_.removals); !gone) {
      report("cannot delete an old segment of", gone.error());
    }
  }
  file_names_.give(1);
  if (services_.low) services_.ask_for_space();
}

task<> disk_log::unlink_files() {
  auto& clock = core::current().clock();
  auto unique = fmt::format("{:016x}{:016x}", clock.random(), clock.random());
  auto doomed = services_.directory + "/" + deleting_directory(topic_, partition_, unique);
  if (auto renamed = co_await rename_file(path_, doomed); !renamed) {
    report("cannot remove", renamed.error());
    co_return;
  }
  auto synced = co_await sync_directory(services_.directory);
  while (!synced && services_.worth_waiting(synced.error())) {
    (void)co_await sleep_until(core::current().now() + refusal_patience);
    synced = co_await sync_directory(services_.directory);
  }
  if (!synced) {
    services_.fail(fmt::format("syncing {}: {}", services_.directory, describe(synced.error())));
  }
  co_await close_files();
  if (auto names = co_await list_directory(doomed)) {
    for (auto const& name : *names) (void)co_await services_.removals.remove(doomed + "/" + name);
  }
  (void)co_await remove_directory(doomed);
  if (services_.low) services_.ask_for_space();
}

}  // namespace karst::log
