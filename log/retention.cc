// Removing what a log's policy does not keep, and the files of removed logs (STORAGE.md 4).
#include "log/disk_log.h"
#include "reactor/base/logging.h"

namespace karst::log {

task<> disk_log::apply_retention(wall_ms now) {
  if (refusal() || segments_.size() < 2) co_return;
  auto inside = users_.enter();
  auto bytes = static_cast<std::int64_t>(size_bytes());
  auto keep_from = segments_.begin();
  for (auto next = std::next(keep_from); next != segments_.end(); ++keep_from, ++next) {
    auto const part = keep_from->second;
    // Only what is wholly in the segments, and never past what consumers may have seen.
    if (part->base() >= staged_.segment || next->first > durable_end_) break;
    auto const size = static_cast<std::int64_t>(part->size);
    auto const too_large = config_.retention_bytes >= 0 && bytes - size >= config_.retention_bytes;
    if (!too_large && config_.retention_ms < 0) break;
    if (!too_large) {
      if (auto loaded = co_await load_for_reading(part); !loaded) co_return;
      if (part->max_timestamp < 0 || now - part->max_timestamp <= config_.retention_ms) break;
    }
    bytes -= size;
    // The map may have changed during the await; places in a map of this kind stay valid.
    next = std::next(keep_from);
  }
  auto const start = keep_from->first;
  if (start <= log_start_) co_return;
  log_start_ = start;
  epochs_.truncate_from_start(start);
  // The new start is durable before any file goes (I-22).
  if (auto carried = co_await carry(); !carried) co_return;
  while (!segments_.empty() && segments_.begin()->first < start) {
    auto old = segments_.begin()->second;
    segments_.erase(segments_.begin());
    co_await old->close_files();
    if (auto gone = co_await old->unlink_all(); !gone) {
      report("cannot delete an old segment of", gone.error());
    }
  }
  logging::info("log", "{}-{}: retention moved the log start to {}", topic_, partition_,
                start.value);
}

task<> disk_log::unlink_files() {
  auto& clock = core::current().clock();
  auto unique = fmt::format("{:016x}{:016x}", clock.random(), clock.random());
  auto doomed = services_.directory + "/" + deleting_directory(topic_, partition_, unique);
  if (auto renamed = co_await rename_file(path_, doomed); !renamed) {
    report("cannot remove", renamed.error());
    co_return;
  }
  if (auto synced = co_await sync_directory(services_.directory); !synced) {
    services_.fail(fmt::format("syncing {}: {}", services_.directory, describe(synced.error())));
  }
  co_await close_files();
  if (auto names = co_await list_directory(doomed)) {
    for (auto const& name : *names) (void)co_await unlink_file(doomed + "/" + name);
  }
  (void)co_await remove_directory(doomed);
}

}  // namespace karst::log
