// Segment space of a log, ahead of need: preallocation, the next segment's file, rolling
// (STORAGE.md 3, 4, 6).
#include "log/aligned_memory.h"
#include "log/disk_log.h"
#include "reactor/base/logging.h"

namespace karst::log {
namespace {

constexpr std::uint64_t least_step = 64 * KiB;
constexpr std::uint64_t most_step = 16 * MiB;

}  // namespace

bool disk_log::wants_space(wall_ms now) const {
  auto const& part = active();
  auto const limit = align_up(static_cast<std::uint64_t>(config_.segment_bytes), block_size);
  if (part.allocated < limit && part.allocated - part.size < last_step_ / 2) return true;
  if (spare_ready_) return false;
  if (part.size + std::min<std::uint64_t>(limit / 4, 4 * most_step) > limit) return true;
  return part.created != 0 && now - part.created > segment_age_most();
}

task<> disk_log::grow_ahead() {
  if (shut_ || growing_ || cutting_ || !tail_.started()) co_return;
  auto inside = users_.enter();
  growing_ = true;
  auto const limit = align_up(static_cast<std::uint64_t>(config_.segment_bytes), block_size);
  expected<> done;
  if (active().allocated < limit && active().allocated - active().size < last_step_ / 2) {
    done = co_await grow(1);
  } else if (!spare_ready_) {
    done = co_await prepare_next();
  }
  growing_ = false;
  grown_.wake_all();
  services_.room().wake_all();
  if (!done) (void)no_room(done.error());
}

std::string disk_log::why_refused(errc code) const {
  if (code == errc::storage_failed) return services_.failure;
  if (code != errc::space_exhausted) return {};
  if (no_space_for_appends()) return services_.space_refusal;
  return fmt::format("the file system of log directory {} gives no more space to {}-{}",
                     services_.directory, topic_, partition_);
}

// Claims find nothing allocated from here on, and wait for growth or are refused.
task<> disk_log::give_space_back() {
  if (refusal() || growing_ || cutting_ || !tail_.started()) co_return;
  auto inside = users_.enter();
  growing_ = true;
  if (std::exchange(spare_ready_, false)) (void)co_await unlink_file(spare_path());
  auto part = segments_.rbegin()->second;
  auto const keep = align_up(part->size, block_size);
  if (part->usable() && part->allocated > keep) {
    part->allocated = keep;
    // What this does not give back is given back at the roll.
    auto writer = co_await part->writer(services_.direct);
    if (writer) (void)co_await (*writer)->truncate(keep);
  }
  last_step_ = 0;
  growing_ = false;
  grown_.wake_all();
}

// Why there is no room for an append: there may be later, or the directory has failed.
errc disk_log::no_room(karst::errc code) {
  if (shut_) return errc::closed;
  if (services_.failed()) return errc::storage_failed;
  report("no room for appends to", code);
  if (code == karst::errc::no_space) services_.ask_for_space();
  if (is_refusal(code)) return errc::space_exhausted;
  services_.fail(fmt::format("{}: {}", path_, describe(code)));
  return errc::storage_failed;
}

// Memory for a batch in the tail; a roll begins a new piece.
bool disk_log::memory_for(std::size_t bytes) {
  return rolls(bytes) ? services_.tails->has_room(align_up(bytes, block_size))
                      : tail_.reserve(bytes);
}

task<expected<void, errc>> disk_log::room_for(std::size_t bytes, time_point deadline) {
  while (true) {
    if (auto refused = refusal()) co_return std::unexpected(*refused);
    if (no_space_for_appends()) co_return std::unexpected(errc::space_exhausted);
    if (bytes > services_.journal->max_batch_bytes()) {
      co_return std::unexpected(errc::batch_too_large);
    }
    auto inside = users_.enter();
    if (cutting_) {
      if (co_await cut_over_.wait(deadline) == wake_reason::timed_out) {
        co_return std::unexpected(errc::timed_out);
      }
      continue;
    }
    if (!writable(bytes)) {
      if (auto made = co_await make_writable(bytes, deadline); !made) co_return made;
      continue;
    }
    auto const has_memory = memory_for(bytes);
    if (has_memory && claim(bytes)) co_return expected<void, errc>{};
    if (!has_memory) services_.want_memory();
    if (co_await services_.room().wait(deadline) == wake_reason::timed_out) {
      co_return std::unexpected(errc::timed_out);
    }
  }
}

task<expected<void, errc>> disk_log::make_writable(std::size_t bytes, time_point deadline) {
  if (growing_) {
    if (co_await grown_.wait(deadline) == wake_reason::timed_out) {
      co_return std::unexpected(errc::timed_out);
    }
    co_return expected<void, errc>{};
  }
  growing_ = true;
  auto awake = tail_.started() ? expected<>{} : co_await wake_up();
  expected<> done;
  if (awake && !writable(bytes)) {
    done = rolls(bytes) ? co_await prepare_next() : co_await grow(bytes);
  }
  growing_ = false;
  grown_.wake_all();
  if (!awake) co_return std::unexpected(not_awake(awake.error()));
  if (!done) co_return std::unexpected(no_room(done.error()));
  co_return expected<void, errc>{};
}

// Only reads have failed: the directory goes on.
errc disk_log::not_awake(karst::errc code) {
  if (shut_) return errc::closed;
  if (code == karst::errc::corrupt) {
    mark_damaged();
    return errc::damaged;
  }
  if (is_refusal(code)) return no_room(code);
  ++services_.failed_reads;
  report("cannot read the end of", code);
  return errc::storage_failed;
}

void disk_log::mark_damaged() {
  damaged_ = true;
  logging::error("log",
                 "{}-{} is offline: {} does not match its checksum though it was stored durably; "
                 "restore the partition from a replica or a backup, or delete it",
                 topic_, partition_, segments_.empty() ? path_ : active().where_damaged);
  wake_all();
}

// The first append after a clean stop: the last block's head comes back into memory, because the
// block will be written a second time.
task<expected<>> disk_log::wake_up() {
  auto part = segments_.rbegin()->second;
  auto loaded = co_await part->load_indexes(index_valid_, part->size, config_.index_interval_bytes);
  if (!loaded) co_return loaded;
  auto const block = align_down(part->size, block_size);
  std::vector<std::byte> remainder(part->size - block);
  if (!remainder.empty()) {
    auto source = co_await part->reader();
    if (!source) co_return fail(source.error());
    auto got = co_await (*source)->read(block, remainder);
    if (!got) co_return fail(got.error());
    if (*got != remainder.size()) co_return fail(karst::errc::end_of_file);
  }
  if (!tail_.start({part->base(), position{part->size}}, remainder)) {
    co_return fail(karst::errc::no_memory);
  }
  staged_ = {part->base(), position{block}};
  co_return expected<>{};
}

task<expected<>> disk_log::wait_installed(std::shared_ptr<segment> part) {
  while (!part->usable()) {
    if (services_.failed() || shut_) co_return fail(karst::errc::closed);
    (void)co_await part->installed().wait();
  }
  co_return expected<>{};
}

task<expected<>> disk_log::grow(std::size_t bytes) {
  auto part = segments_.rbegin()->second;
  if (auto there = co_await wait_installed(part); !there) co_return there;
  auto const step = services_.low ? least_step : std::clamp(last_step_ * 2, least_step, most_step);
  auto const limit = align_up(static_cast<std::uint64_t>(config_.segment_bytes), block_size);
  auto const needed = align_up(part->size + bytes, block_size);
  auto const target =
      std::max(needed, std::min(align_down(part->allocated, block_size) + step, limit));
  if (target <= part->allocated) co_return expected<>{};
  auto writer = co_await part->writer(services_.direct);
  if (!writer) co_return fail(writer.error());
  auto const from = align_down(part->allocated, block_size);
  if (auto done = co_await (*writer)->allocate(from, target - from); !done) {
    // What little was allocated goes back, as far as that can be done.
    (void)co_await (*writer)->truncate(part->allocated);
    co_return done;
  }
  services_.note_allocated(target - from);
  part->allocated = target;
  last_step_ = step;
  co_return expected<>{};
}

// The file of the next segment, under a name that Kafka ignores: its base offset is not known yet.
task<expected<>> disk_log::prepare_next() {
  // The one before may still wait for its own name.
  auto there = co_await wait_installed(segments_.rbegin()->second);
  if (!there) co_return there;
  auto opened = co_await file::open(spare_path(), open_read | open_write | open_create);
  if (!opened) co_return fail(opened.error());
  auto const bytes = services_.low ? least_step : std::clamp(last_step_, least_step, most_step);
  auto done = co_await opened->allocate(0, bytes);
  if (done) done = co_await opened->sync();
  (void)co_await opened->close();
  if (!done && is_refusal(done.error())) (void)co_await unlink_file(spare_path());
  if (!done) co_return done;
  services_.note_allocated(bytes);
  spare_bytes_ = bytes;
  spare_ready_ = true;
  co_return expected<>{};
}

// Synchronous: claims go on in the next segment at once. Its file gets its name in the background,
// and nothing is written to it before that is durable.
void disk_log::roll() {
  active().sealed = true;
  auto next = std::make_shared<segment>(services_.segment_files, path_, end_);
  next->allocated = spare_bytes_;
  next->start_indexes();
  segments_[end_] = next;
  tail_.roll(end_);
  note_rolled();
  roll_random_ = core::current().clock().random();
  spare_ready_ = false;
  core::current().background().spawn(install_next(std::move(next)));
}

task<> disk_log::install_next(std::shared_ptr<segment> next) {
  auto inside = users_.enter();
  auto done = co_await next->install(spare_path());
  while (!done && services_.worth_waiting(done.error())) {
    (void)co_await sleep_until(core::current().now() + refusal_patience);
    done = co_await next->install(spare_path());
  }
  if (!done) services_.fail(fmt::format("{}: {}", path_, describe(done.error())));
  next->installed().wake_all();
  services_.room().wake_all();
}

}  // namespace karst::log
