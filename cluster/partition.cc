#include "cluster/partition.h"

#include "reactor/core.h"

namespace karst::cluster {
namespace {

constexpr std::int16_t knows_zstd = 7;

// Memory of another core, seen through a block of this one: the caller keeps the bytes until the
// append is done, and nothing here touches their count.
struct borrowed_block : buffer_block {
  static buffer make(std::span<std::byte const> bytes) {
    auto* block = new borrowed_block;
    block->data = const_cast<std::byte*>(bytes.data());
    block->capacity = static_cast<std::uint32_t>(bytes.size());
    block->home = core::current().id();
    block->release = [](buffer_block& done) { delete static_cast<borrowed_block*>(&done); };
    return buffer{*block, block->data, bytes.size()};
  }
  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* block, std::size_t size) { free_frame(block, size); }
};

buffer_chain borrow(buffer_chain const& records) {
  buffer_chain borrowed;
  for (auto const& piece : records.pieces()) borrowed.append(borrowed_block::make(piece.bytes()));
  return borrowed;
}

buffer_chain taken(buffer_chain const& records, append_options const& options) {
  return options.borrowed ? borrow(records) : records.share();
}

log::validation_rules rules_for(log::log_config const& config, append_options const& options,
                                wall_ms now) {
  auto rules = log::validation_rules::of(config, now);
  rules.zstd_allowed = options.produce_version >= knows_zstd;
  return rules;
}

task<expected<void, log::errc>> at_once(expected<void, log::errc> result) { co_return result; }

}  // namespace

partition::partition(log::partition_log& log, log::leader_epoch epoch,
                     log::batch_validator& validator)
    : log_(log), epoch_(epoch), validator_(validator) {
  log_.begin_epoch(epoch_);
}

partition::~partition() = default;

task<expected<log::append_info, append_error>> partition::append(buffer_chain const& records,
                                                                 append_options options) {
  if (closing_) co_return unexpected<append_error>(append_error{.code = log::errc::closed});
  auto inside = users_.enter();
  if (co_await append_turn_.take(1, options.deadline) != wake_reason::signalled) {
    co_return unexpected<append_error>(append_error{.code = log::errc::timed_out});
  }
  auto appended = co_await append_in_turn(records, options);
  append_turn_.give(1);
  co_return appended;
}

std::optional<expected<log::append_info, append_error>> partition::append_now(
    buffer_chain const& records, append_options options) {
  // Neither past another append nor with room that has to be waited for.
  if (closing_ || append_turn_.free() == 0 || append_turn_.contended()) return std::nullopt;
  auto now = core::current().clock().wall_now();
  auto rules = rules_for(log_.config(), options, now);
  if (!log::batch_validator::quick(records, rules)) return std::nullopt;
  auto batch = taken(records, options);
  auto valid = validator_.validate_now(batch, rules);
  if (!valid) return std::nullopt;
  if (!*valid) return unexpected<append_error>(std::move(valid->error()));
  auto appended = log_.append(**valid, {.epoch = epoch_, .now = now});
  if (appended) return *appended;
  if (appended.error() == log::errc::space_exhausted) return std::nullopt;
  return unexpected<append_error>(
      append_error{.code = appended.error(), .message = log_.why_refused(appended.error())});
}

task<expected<log::append_info, append_error>> partition::append_in_turn(
    buffer_chain const& records, append_options options) {
  auto refuse = [](log::errc code, std::string message) {
    return unexpected<append_error>(append_error{.code = code, .message = std::move(message)});
  };
  if (closing_) co_return refuse(log::errc::closed, {});
  auto room = co_await log_.room_for(records.size(), options.deadline);
  if (!room) co_return refuse(room.error(), log_.why_refused(room.error()));
  auto now = core::current().clock().wall_now();
  auto rules = rules_for(log_.config(), options, now);
  auto batch = taken(records, options);
  std::optional<log::batch_validator::result> valid;
  if (log::batch_validator::quick(batch, rules)) valid = validator_.validate_now(batch, rules);
  if (!valid) valid = co_await validator_.validate(std::move(batch), rules);
  if (!*valid) co_return unexpected<append_error>(std::move(valid->error()));
  if (closing_) co_return refuse(log::errc::closed, {});
  auto appended = log_.append(**valid, {.epoch = epoch_, .now = now});
  // The room may be gone: a roll took it, or the batch has grown since it was asked for.
  while (!appended && appended.error() == log::errc::space_exhausted) {
    room = co_await log_.room_for((*valid)->size(), options.deadline);
    if (!room) co_return refuse(room.error(), log_.why_refused(room.error()));
    if (closing_) co_return refuse(log::errc::closed, {});
    appended = log_.append(**valid, {.epoch = epoch_, .now = now});
  }
  if (!appended) co_return refuse(appended.error(), log_.why_refused(appended.error()));
  co_return *appended;
}

task<expected<void, log::errc>> partition::committed(log::offset end, time_point deadline) {
  if (closing_) return at_once(unexpected<log::errc>(log::errc::closed));
  if (log_.config().flush_messages > 1) return at_once({});
  // The log keeps those who wait, and outlives them.
  return log_.durable(end, deadline);
}

task<expected<log::read_result, log::errc>> partition::read(log::offset from, read_bound bound,
                                                            log::read_limits limits) {
  if (closing_) co_return unexpected<log::errc>(log::errc::closed);
  auto inside = users_.enter();
  auto end = bound == read_bound::high_watermark ? high_watermark() : log_.log_end();
  co_return co_await log_.read(from, end, limits);
}

task<expected<log::time_lookup, log::errc>> partition::find_by_time(wall_ms at) {
  if (closing_) co_return unexpected<log::errc>(log::errc::closed);
  auto inside = users_.enter();
  auto found = co_await log_.find_by_time(at);
  // What is not committed does not exist yet for a consumer.
  if (found && found->at >= high_watermark()) co_return log::time_lookup{};
  co_return found;
}

task<expected<log::time_lookup, log::errc>> partition::max_timestamp() {
  if (closing_) co_return unexpected<log::errc>(log::errc::closed);
  auto inside = users_.enter();
  auto found = co_await log_.max_timestamp();
  // The newest record may still be on its way to the disk: it is answered once it is committed.
  if (found && found->at >= high_watermark()) {
    if (auto durable = co_await log_.durable(found->at + 1); !durable) {
      co_return unexpected<log::errc>(durable.error());
    }
  }
  co_return found;
}

task<expected<log::offset, log::errc>> partition::delete_records(std::int64_t to) {
  constexpr std::int64_t to_high_watermark = -1;
  if (closing_) co_return unexpected<log::errc>(log::errc::closed);
  auto inside = users_.enter();
  auto start = to == to_high_watermark ? high_watermark() : log::offset{to};
  if (start < log::offset{0}) co_return unexpected<log::errc>(log::errc::offset_out_of_range);
  auto moved = co_await log_.advance_log_start(start);
  if (!moved) co_return unexpected<log::errc>(moved.error());
  co_return log_.log_start();
}

void partition::subscribe(movement_subscription& subscription) {
  if (closing_) {
    subscription.notify(subscription);
    return;
  }
  subscriptions_.push_back(subscription);
  if (!watching_) {
    watching_ = true;
    core::current().background().spawn(watch_log());
  }
}

// Runs while someone is subscribed, and until the next movement after the last has gone.
task<> partition::watch_log() {
  auto inside = users_.enter();
  while (!closing_ && !subscriptions_.empty()) {
    (void)co_await log_.durable_moved().wait();
    notify_all();
  }
  watching_ = false;
}

void partition::notify_all() {
  while (auto* subscription = subscriptions_.pop_front()) subscription->notify(*subscription);
}

void partition::begin_close() {
  closing_ = true;
  notify_all();
}

task<> partition::close() {
  begin_close();
  co_await users_.close();
}

}  // namespace karst::cluster
