#include "log/disk_log.h"

#include "reactor/base/crc32c.h"
#include "reactor/base/logging.h"

namespace karst::log {
namespace {

// From this size on, a batch's aligned body is gathered from the tail instead of being copied into
// the group: below it the copy is cheaper than one more vector and its padding.
constexpr std::size_t gather_from = 16 * KiB;
// More records than any batch that is accepted: they are 7 bytes at least, uncompressed.
constexpr std::int64_t records_most = std::int64_t{1} << 30;

}  // namespace

disk_log::disk_log(log_services& services, log_state state, log_config config)
    : services_(services),
      id_(state.id),
      generation_(state.generation),
      topic_id_(state.topic_id),
      topic_(std::move(state.topic)),
      partition_(state.partition),
      config_(config),
      path_(services.directory + "/" + partition_directory(topic_, partition_)),
      log_start_(state.log_start),
      durable_start_(state.log_start),
      end_(state.end),
      durable_end_(state.end),
      durable_position_(state.end_position),
      staged_(state.durable_through),
      tail_(*services.tails),
      epochs_(state.epochs),
      next_epoch_(epochs_.latest()),
      index_valid_(state.index_valid_through.value) {
  pin_.log = this;
  roll_random_ = core::current().clock().random();
  if (!producers_.decode(state.producers)) producers_.clear();
}

disk_log::~disk_log() { pin_.unlink(); }

void disk_log::add_segment(std::shared_ptr<segment> part) {
  segments_[part->base()] = std::move(part);
}

std::uint64_t disk_log::size_bytes() const {
  std::uint64_t bytes = 0;
  for (auto const& [base, part] : segments_) bytes += part->size;
  return bytes;
}

std::optional<errc> disk_log::refusal() const {
  if (services_.failed()) return errc::storage_failed;
  if (shut_) return errc::closed;
  if (damaged_) return errc::damaged;
  return std::nullopt;
}

// Whether `bytes` more begin a new segment. By the offsets with a margin that no batch's own
// deltas exceed, so that this can be known before the batch is: offsets in a segment's index are
// relative, 32 bits wide.
bool disk_log::rolls(std::size_t bytes) const {
  auto const& part = active();
  if (part.size == 0) return false;
  if (part.size + bytes > static_cast<std::uint64_t>(config_.segment_bytes)) return true;
  if (end_ - part.base() > std::numeric_limits<std::int32_t>::max() - records_most) return true;
  return part.index().full(config_.segment_index_bytes) ||
         part.times().full(config_.segment_index_bytes);
}

// By age only when the next segment is there already: an old one takes records until then.
bool disk_log::must_roll(std::size_t bytes, wall_ms now) const {
  auto const& part = active();
  if (rolls(bytes)) return true;
  return spare_ready_ && part.size != 0 && part.created != 0 &&
         now - part.created > segment_age_most();
}

// segment.ms, or max.compaction.lag.ms where that is less, because only what rolled is compacted;
// without a part of segment.jitter.ms that is another for each segment.
wall_ms disk_log::segment_age_most() const {
  auto const most = config_.compact ? std::min(config_.segment_ms, config_.max_compaction_lag_ms)
                                    : config_.segment_ms;
  auto const jitter = std::min(config_.segment_jitter_ms, most);
  if (jitter <= 0) return most;
  return most - static_cast<wall_ms>(roll_random_ % (static_cast<std::uint64_t>(jitter) + 1));
}

// Whether the segments have room for `bytes` now: a claim is only made into allocated space.
bool disk_log::writable(std::size_t bytes) const {
  if (!tail_.started()) return false;
  return rolls(bytes) ? spare_ready_ : active().size + bytes <= active().allocated;
}

std::size_t disk_log::body_bytes(log_position where, std::size_t bytes) const {
  if (bytes < gather_from) return 0;
  auto const begin = align_up(where.at.value, block_size);
  auto const end = align_down(where.at.value + bytes, block_size);
  return end > begin ? end - begin : 0;
}

// Room in the journal for a batch, and for the state before it where the block's head is not in
// the live window yet.
bool disk_log::claim(std::size_t bytes) {
  auto where = tail_.end();
  auto const body = body_bytes(where, bytes);
  auto entries = append_entry::encoded_bytes + bytes - body;
  if (!head_journaled_) entries += encoded_bytes(snapshot());
  return services_.journal->claim(entries, body, false);
}

// The last block's head goes to the journal in a state of its own, while its segment is the active
// one: a log at rest that rolls at once would otherwise have a state that begins behind it.
bool disk_log::journal_head() {
  if (head_journaled_) return true;
  auto const state = snapshot();
  if (!services_.journal->claim(encoded_bytes(state), 0, false)) return false;
  add_state(state, entry_type::state);
  return true;
}

expected<append_info, errc> disk_log::append(validated_batch const& batch,
                                             append_rules const& rules) {
  if (auto refused = refusal()) return std::unexpected(*refused);
  auto const& header = batch.header;
  if (header.has_producer()) {
    auto verdict = producers_.check(header);
    if (!verdict) return std::unexpected(verdict.error());
    if (auto const& first = verdict->duplicate_of) {
      auto stamped = config_.message_timestamp_type == timestamp_type::log_append_time;
      return append_info{first->first(), first->last + 1, stamped ? first->timestamp : -1,
                         log_start_, true};
    }
  }
  auto const bytes = batch.size();
  if (bytes > services_.journal->max_batch_bytes()) return std::unexpected(errc::batch_too_large);
  if (no_space_for_appends() || cutting_ || !tail_.started()) {
    return std::unexpected(errc::space_exhausted);
  }
  if (must_roll(bytes, rules.now)) {
    if (!spare_ready_ || !journal_head()) return std::unexpected(errc::space_exhausted);
    roll();
  }
  if (active().size + bytes > active().allocated || !claim(bytes) || !tail_.reserve(bytes)) {
    return std::unexpected(errc::space_exhausted);
  }
  auto const epoch = std::max(rules.epoch, next_epoch_);
  if (auto copied = copy_batch(batch, end_, epoch); !copied) {
    return std::unexpected(copied.error());
  }
  auto& part = active();
  log_position const where{part.base(), position{part.size}};
  if (!head_journaled_) add_state(snapshot(), entry_type::state);
  tail_.commit();
  add_to_journal(batch, where);

  auto const base = end_;
  epochs_.assign(epoch, base);
  if (header.has_producer()) producers_.update(header, base, rules.now);
  end_ = base + (std::int64_t{header.last_offset_delta} + 1);
  if (part.size == 0) part.created = rules.now;
  part.appended = rules.now;
  part.index_batch(base + header.last_offset_delta, where.at, bytes, header.max_timestamp,
                   config_.index_interval_bytes);
  part.size += bytes;
  services_.journal->add_member(*this, end_, tail_.end());
  // Space ahead of need, so that appends rarely wait for an allocation.
  if (!growing_ && wants_space(rules.now)) core::current().background().spawn(grow_ahead());
  auto stamped = header.time() == timestamp_type::log_append_time;
  return append_info{base, end_, stamped ? header.max_timestamp : -1, log_start_, false};
}

// One pass over the bytes: into the tail, stamped, with the CRC computed on the way.
expected<void, errc> disk_log::copy_batch(validated_batch const& batch, offset base,
                                          leader_epoch epoch) {
  std::array<std::byte, batch_layout::attributes> head;
  batch.bytes.copy_to(0, head.data(), head.size());
  stamp(head.data(), base, epoch);
  tail_.write(head);
  std::uint32_t crc = 0;
  batch.bytes.for_each(
      head.size(), batch.size() - head.size(),
      [this, &crc](std::span<std::byte const> part) { crc = tail_.write_crc(crc, part); });
  if (crc == batch.header.crc) return {};
  tail_.rollback();
  return std::unexpected(errc::corrupt_batch);
}

void disk_log::add_to_journal(validated_batch const& batch, log_position where) {
  auto& journal = *services_.journal;
  auto const bytes = batch.size();
  auto const body = body_bytes(where, bytes);
  auto const head = body == 0 ? bytes : align_up(where.at.value, block_size) - where.at.value;
  auto const end = bytes - body - head;
  append_entry entry{.id = id_,
                     .generation = generation_,
                     .records = batch.header.last_offset_delta + 1,
                     .base = end_,
                     .where = where,
                     .head_bytes = static_cast<std::uint32_t>(head),
                     .body_bytes = static_cast<std::uint32_t>(body),
                     .end_bytes = static_cast<std::uint32_t>(end)};
  auto memory = journal.add(entry.inline_bytes());
  entry.encode(memory);
  auto inline_part = memory.subspan(append_entry::encoded_bytes);
  tail_.copy_to(where, inline_part.first(head));
  if (body != 0) {
    journal.add_body(tail_.slice({where.segment, where.at + head}, body));
    tail_.copy_to({where.segment, where.at + head + body}, inline_part.last(end));
  }
  auto const ordinal = journal.forming_ordinal();
  if (marks_.empty() || marks_.back().ordinal != ordinal) {
    marks_.push_back({ordinal, where});
    repin();
  }
}

log_state disk_log::snapshot() const {
  auto const& part = active();
  log_state state{.id = id_,
                  .generation = generation_,
                  .topic_id = topic_id_,
                  .topic = topic_,
                  .partition = partition_,
                  .log_start = log_start_,
                  .end = end_,
                  .high_watermark = durable_end_,
                  .end_position = {part.base(), position{part.size}},
                  .durable_through = staged_,
                  .index_valid_through = position{part.index_valid_through()},
                  .active_created = part.created,
                  .active_max_timestamp = part.max_timestamp,
                  .epochs = epochs_.entries()};
  if (!part.indexes_loaded()) state.index_valid_through.value = index_valid_;
  // Amid the sealing of an older segment: its last bytes may be in the file, but count only with
  // the whole block or with the segment.
  if (staged_.segment != part.base()) {
    state.durable_through.at.value = align_down(staged_.at.value, block_size);
  }
  producers_.encode(state.producers);
  if (tail_.started()) {
    // The segment's copy of a partial block may be overwritten from now on.
    auto const block = align_down(part.size, block_size);
    if (state.durable_through == state.end_position && part.size != block) {
      state.durable_through.at.value = block;
    }
    state.remainder.resize(part.size - block);
    tail_.copy_to({part.base(), position{block}}, state.remainder);
  }
  return state;
}

void disk_log::add_state(log_state const& state, entry_type type) {
  encode_state(state, type, services_.journal->add(encoded_bytes(state)));
  if (tail_.started()) head_journaled_ = true;
  // The remainder is in this file only, until its block is in the segment (I-7).
  auto const ordinal = services_.journal->forming_ordinal();
  if (!state.remainder.empty() && (marks_.empty() || marks_.back().ordinal != ordinal)) {
    auto const block = state.end_position.at.value - state.remainder.size();
    marks_.push_back({ordinal, {state.end_position.segment, position{block}}});
    if (pin_.ordinal != 0) repin();
  }
  if (pin_.ordinal == 0) {
    state_ordinal_ = services_.journal->forming_ordinal();
    repin();
  }
}

// The oldest journal file that this log still needs: of its newest durable state, or of its first
// bytes that are not in a segment.
void disk_log::repin() {
  auto ordinal = state_ordinal_;
  if (!marks_.empty()) ordinal = std::min(ordinal, marks_.front().ordinal);
  services_.journal->pin(pin_, ordinal);
}

void disk_log::drop_marks(log_position durable, log_position end, std::uint64_t state_ordinal) {
  // The state's own remainder counts for older files; in its own file it stays until it is staged.
  while (!marks_.empty() && marks_.front().ordinal < state_ordinal) {
    // The bytes of this mark end where the next begins.
    auto until = marks_.size() > 1 ? marks_[1].start : end;
    auto const& staged = durable;
    auto reached = until.segment < staged.segment;
    if (until.segment == staged.segment) {
      auto needed = align_up(until.at.value, block_size);
      if (end.segment == until.segment) {
        needed = std::min<std::uint64_t>(needed, align_down(end.at.value, block_size));
      }
      reached = staged.at.value >= needed;
    }
    if (!reached) return;
    marks_.pop_front();
  }
}

void disk_log::on_durable(offset end, log_position position) {
  if (end > durable_end_) durable_end_ = end;
  durable_position_ = std::max(durable_position_, position);
  note_rolled();
  while (!acks_.empty() && acks_.front().end <= durable_end_) acks_.pop_front()->woken.wake_one();
  durable_waiters_.wake_all();
  durable_moved_.wake_all();
}

void disk_log::wake_durable() {
  while (auto* waiting = acks_.pop_front()) waiting->woken.wake_one();
  durable_waiters_.wake_all();
  durable_moved_.wake_all();
}

// A roll whose append found no room leaves an empty segment: what is before it is durable as a
// whole, and would otherwise stay in the journal until the next append.
void disk_log::note_rolled() {
  if (durable_end_ == end_ && tail_.started()) durable_position_ = tail_.end();
}

void disk_log::wake_all() {
  wake_durable();
  staged_moved_.wake_all();
  grown_.wake_all();
  flushed_.wake_all();
  cut_over_.wake_all();
}

task<expected<void, errc>> disk_log::durable(offset end, time_point deadline) {
  auto const cuts = cuts_;
  durable_wait here;
  here.end = end;
  while (durable_end_ < end) {
    if (auto refused = refusal()) co_return std::unexpected(*refused);
    auto inside = users_.enter();
    auto in_order = acks_.empty() || acks_.back().end <= end;
    if (in_order) acks_.push_back(here);
    auto reason = co_await (in_order ? here.woken : durable_waiters_).wait(deadline);
    // Became durable, and was cut off before the waiter could see it.
    if (cuts_ != cuts && last_cut_ < end) co_return std::unexpected(errc::closed);
    if (reason == wake_reason::timed_out && durable_end_ < end) {
      co_return std::unexpected(errc::timed_out);
    }
  }
  if (services_.failed()) co_return std::unexpected(errc::storage_failed);
  co_return expected<void, errc>{};
}

void disk_log::begin_epoch(leader_epoch epoch) { next_epoch_ = std::max(next_epoch_, epoch); }

epoch_end disk_log::end_of_epoch(leader_epoch requested) const {
  return epochs_.end_of(requested, end_);
}

std::shared_ptr<segment> disk_log::segment_of(offset at) const {
  auto next = segments_.upper_bound(at);
  if (next == segments_.begin()) return nullptr;
  return std::prev(next)->second;
}

std::shared_ptr<segment> disk_log::segment_after(segment const& part) const {
  auto next = segments_.upper_bound(part.base());
  return next == segments_.end() ? nullptr : next->second;
}

void disk_log::report(std::string_view doing, karst::errc code) {
  static logging::rate_limit once_a_second;
  std::uint64_t left_out = 0;
  if (!once_a_second.pass(left_out)) return;
  auto more = left_out == 0 ? std::string{} : fmt::format(" (and {} more like it)", left_out);
  logging::error("log", "{} {}-{} in {}: {}{}", doing, topic_, partition_, path_, describe(code),
                 more);
}

task<> disk_log::shut() {
  shut_ = true;
  wake_all();
  services_.room().wake_all();
  co_await users_.close();
}

task<> disk_log::close_files() {
  for (auto& [base, part] : segments_) co_await part->close_files();
}

}  // namespace karst::log
