// Cutting a log's end off (STORAGE.md 4; KIP-101), and removing what a crash left of such a cut.
// What will be left is found out first; then the log changes in memory and in the journal in one
// step; files are touched when that is durable, because until then the old log is the true one.
#include "log/disk_log.h"
#include "reactor/base/logging.h"
#include "reactor/yield.h"

namespace karst::log {
namespace {

// Batch headers are looked for in pieces of this size.
constexpr std::uint64_t walked_at_once = 256 * KiB;
// How often a truncation that was decided tries to cut its files on a full disk: ten seconds.
constexpr auto full_disk_tries = 200;

}  // namespace

struct disk_log::cut_plan {
  offset end;
  bool everything = false;        // nothing stays; `last` is a new file
  std::shared_ptr<segment> last;  // with which the log ends from then on, at `last->size`
  std::vector<std::byte> remainder;
  producer_state producers;
  std::vector<std::shared_ptr<segment>> dropped;

  log_position end_position() const { return {last->base(), position{last->size}}; }
  log_position staged() const {
    return {last->base(), position{align_down(last->size, block_size)}};
  }
};

class disk_log::header_visitor {
 public:
  virtual ~header_visitor() = default;
  // False: no more.
  virtual bool visit(batch_header const& header, position at) = 0;
};

task<expected<void, errc>> disk_log::walk_headers(std::shared_ptr<segment> part, std::uint64_t from,
                                                  header_visitor& visitor) {
  constexpr auto shortest = batch_layout::header_bytes - batch_layout::length_end;
  while (from < part->size) {
    auto got = co_await fetch(part, from, std::min(part->size - from, walked_at_once));
    if (!got) co_return std::unexpected(got.error());
    auto const& bytes = got->bytes;
    std::size_t at = 0;
    while (at + batch_layout::header_bytes <= bytes.size()) {
      std::array<std::byte, batch_layout::header_bytes> scratch;
      auto header = batch_header::decode(bytes.contiguous(at, scratch.size(), scratch.data()));
      if (header.magic != 2 || header.length < static_cast<std::int32_t>(shortest)) break;
      if (!visitor.visit(header, position{from + at})) co_return expected<void, errc>{};
      at += header.size_bytes();
    }
    if (at == 0) co_return std::unexpected(damaged_at(*part, from));
    from += at;
    co_await yield{};
  }
  co_return expected<void, errc>{};
}

task<expected<void, errc>> disk_log::truncate(offset end) {
  KARST_ASSERT(end.value >= 0, "{}", end.value);
  if (auto refused = refusal()) co_return std::unexpected(*refused);
  auto inside = users_.enter();
  (void)co_await changing_.take(1);
  expected<void, errc> done;
  if (auto refused = refusal()) {
    done = std::unexpected(*refused);
  } else if (end < end_) {
    cut_plan plan{.end = end, .everything = end < segments_.begin()->first};
    done = co_await cut_alone(plan);
  }
  changing_.give(1);
  co_return done;
}

task<expected<void, errc>> disk_log::truncate_fully_and_start_at(offset start) {
  KARST_ASSERT(start.value >= 0, "{}", start.value);
  if (auto refused = refusal()) co_return std::unexpected(*refused);
  auto inside = users_.enter();
  (void)co_await changing_.take(1);
  expected<void, errc> done;
  if (auto refused = refusal()) {
    done = std::unexpected(*refused);
  } else {
    cut_plan plan{.end = start, .everything = true};
    done = co_await cut_alone(plan);
  }
  changing_.give(1);
  co_return done;
}

task<expected<void, errc>> disk_log::cut_alone(cut_plan& plan) {
  cutting_ = true;
  co_await stop_cleaning();
  auto done = co_await plan_cut(plan);
  if (done) done = co_await cut(plan);
  cutting_ = false;
  resume_cleaning();
  cut_over_.wake_all();
  services_.room().wake_all();
  co_return done;
}

// Where the cut goes, and what is known of the segment up to there. Appends wait already, so that
// the log does not change meanwhile; only destaging goes on.
task<expected<void, errc>> disk_log::plan_cut(cut_plan& plan) {
  class cut_finder final : public header_visitor {
   public:
    cut_finder(segment& kept, offset end, std::int64_t interval)
        : kept_(kept), end_(end), interval_(interval) {}
    bool visit(batch_header const& header, position at) override {
      if (header.next() > end_) return false;
      kept_.index_batch(header.last(), at, header.size_bytes(), header.max_timestamp, interval_);
      kept_.size = at.value + header.size_bytes();
      return true;
    }

   private:
    segment& kept_;
    offset end_;
    std::int64_t interval_;
  };
  if (plan.everything) {
    plan.last = std::make_shared<segment>(services_.segment_files, path_, plan.end);
    plan.last->start_indexes();
    co_return expected<void, errc>{};
  }
  auto part = segment_of(plan.end);
  if (auto loaded = co_await load_for_reading(part); !loaded) co_return loaded;
  plan.last = part->cut_copy(plan.end);
  plan.last->size = plan.last->last_indexed();
  cut_finder finder{*plan.last, plan.end, config_.index_interval_bytes};
  auto found = co_await walk_headers(part, plan.last->size, finder);
  if (!found) co_return found;
  plan.last->distrust_index_files_from(plan.last->size);
  // Its age is not known where it was sealed before a restart.
  plan.last->created = part->created != 0 ? part->created : core::current().clock().wall_now();
  plan.last->appended = part->appended;
  auto const block = plan.staged().at.value;
  auto remainder = co_await fetch(part, block, plan.last->size - block);
  if (!remainder) co_return std::unexpected(remainder.error());
  plan.remainder.resize(remainder->bytes.size());
  remainder->bytes.copy_to(0, plan.remainder.data(), plan.remainder.size());
  co_return co_await plan_producers(plan);
}

// A producer of which all remembered batches go may have older ones in the log; were it forgotten,
// a retry of those would be appended a second time. They are looked for in the segment that is cut
// and, if need be, in the one before it, or more of small ones.
task<expected<void, errc>> disk_log::plan_producers(cut_plan& plan) {
  class follower final : public header_visitor {
   public:
    bool visit(batch_header const& header, position) override {
      found.update(header, header.base, header.max_timestamp);
      return true;
    }
    producer_state found;
  };
  plan.producers = producers_;
  auto lost = plan.producers.truncate(plan.end);
  std::uint64_t walked = 0;
  auto part = plan.last;
  auto place = segments_.find(part->base());
  while (!lost.empty()) {
    follower seen;
    if (auto done = co_await walk_headers(part, 0, seen); !done) co_return done;
    std::erase_if(lost, [&](producer_id id) { return plan.producers.adopt(id, seen.found); });
    // What lies below the log's start is left by a crash, perhaps not even cut to its length.
    if (place == segments_.begin() || place->first <= log_start_) break;
    if (walked >= limit::producers_looked_for) break;
    part = (--place)->second;
    walked += part->size;
  }
  co_return expected<void, errc>{};
}

// Whoever still moves something of the log, to be waited for (I-18).
waiters* disk_log::moving() {
  if (durable_end_ < end_) return &durable_waiters_;
  if (growing_) return &grown_;
  if (destaging_) return &staged_moved_;
  if (flushing_) return &flushed_;
  if (!active().usable()) return &active().installed();
  return nullptr;
}

// Done when nothing moves, what stays is in the segments, and there is room for what the journal
// must be told; the caller goes on without waiting.
task<expected<void, errc>> disk_log::room_to_cut(cut_plan const& plan) {
  while (true) {
    if (auto refused = refusal()) co_return std::unexpected(*refused);
    if (auto* busy = moving()) {
      (void)co_await busy->wait();
      continue;
    }
    if (!plan.everything && staged_ < plan.staged()) {
      if (!co_await destage()) (void)co_await sleep_until(core::current().now() + refusal_patience);
      continue;
    }
    // The state there is, without what changes its size.
    auto state = snapshot();
    auto const bytes = truncate_entry_bytes + encoded_bytes(state) - state.producers.size() -
                       state.remainder.size() + plan.producers.encoded_size() +
                       plan.remainder.size();
    if (services_.journal->claim(bytes, 0, true)) {
      if (tail_.start(plan.end_position(), plan.remainder)) co_return expected<void, errc>{};
      services_.want_memory();
    }
    (void)co_await services_.room().wait();
  }
}

task<expected<void, errc>> disk_log::cut(cut_plan& plan) {
  if (auto room = co_await room_to_cut(plan); !room) co_return room;
  auto& journal = *services_.journal;
  // The old log until the new one is durable; then the word of it until the files are as it says.
  journal_pin until_cut;
  journal.pin(until_cut, pin_.ordinal);
  take_over(plan);
  encode(truncate_entry{id_, generation_, end_, plan.end_position()},
         journal.add(truncate_entry_bytes));
  add_state(snapshot(), entry_type::state);
  auto const ordinal = journal.forming_ordinal();
  if (auto written = co_await journal.durable(journal.forming_sequence()); !written) {
    // Destaging may wait for the new file, which will not be made.
    plan.last->installed().wake_all();
    co_return written;
  }
  state_ordinal_ = std::max(state_ordinal_, ordinal);
  repin();
  co_return co_await cut_files(plan);
}

// Synchronous: from here on the log is what the plan says.
void disk_log::take_over(cut_plan& plan) {
  auto const base = plan.last->base();
  auto from = plan.everything ? segments_.begin() : segments_.lower_bound(base);
  for (auto part = from; part != segments_.end(); ++part) {
    part->second->retired = true;
    plan.dropped.push_back(part->second);
  }
  segments_.erase(from, segments_.end());
  segments_[base] = plan.last;
  index_valid_ = plan.last->index_valid_through();
  end_ = durable_end_ = last_cut_ = plan.end;
  durable_position_ = plan.end_position();
  staged_ = plan.staged();
  log_start_ = plan.everything ? plan.end : std::min(log_start_, plan.end);
  durable_start_ = plan.everything ? plan.end : std::min(durable_start_, log_start_);
  if (plan.everything) {
    epochs_ = {};
  } else {
    epochs_.truncate_from_end(plan.end);
  }
  producers_ = std::move(plan.producers);
  cleaned_to_ = std::min(cleaned_to_, plan.end);
  marks_.clear();
  head_journaled_ = false;
  ++cuts_;
  wake_durable();
}

// A refusal is waited for, because what was decided must be done before the log grows; a full disk
// not for ever, because appends and a stop wait as well. Anything else is a failed write.
task<expected<void, errc>> disk_log::cut_files(cut_plan const& plan) {
  auto done = co_await try_cut_files(plan);
  for (auto tries = 0; !done && !services_.failed(); ++tries) {
    auto const wait = is_refusal(done.error()) && tries < full_disk_tries;
    if (!wait && !services_.worth_waiting(done.error())) break;
    (void)co_await sleep_until(core::current().now() + refusal_patience);
    done = co_await try_cut_files(plan);
  }
  if (!done) services_.fail(fmt::format("truncating {}: {}", path_, describe(done.error())));
  plan.last->installed().wake_all();
  if (services_.failed()) co_return std::unexpected(errc::storage_failed);
  logging::info("log", "{}-{}: truncated to {}", topic_, partition_, plan.end.value);
  co_return expected<void, errc>{};
}

task<expected<>> disk_log::try_cut_files(cut_plan const& plan) {
  for (auto const& part : plan.dropped) {
    co_await part->close_files();
    // The last one's file stays.
    if (part->base() == plan.last->base()) continue;
    if (auto gone = co_await part->unlink_all(); !gone) co_return gone;
  }
  auto done = plan.everything ? co_await make_file(*plan.last) : co_await zero_above_staged();
  if (!done) co_return done;
  auto flushed = co_await plan.last->flush_indexes();
  if (!flushed && flushed.error() != karst::errc::no_space) co_return fail(flushed.error());
  // What the files say of batches that are gone must not stay, though there is no room to say less.
  if (!flushed) {
    if (auto dropped = co_await plan.last->drop_index_files(); !dropped) co_return dropped;
  }
  co_return co_await sync_directory(path_);
}

task<expected<>> disk_log::remove_stale() {
  if (stale_.empty()) co_return expected<>{};
  std::ranges::sort(stale_);
  stale_.erase(std::ranges::unique(stale_).begin(), stale_.end());
  for (auto base : stale_) {
    KARST_ASSERT(!segments_.contains(base), "{} {}", path_, base.value);
    segment part{services_.segment_files, path_, base};
    if (auto gone = co_await part.unlink_all(); !gone) co_return gone;
    logging::info("log", "{}-{}: removed {}, left by a crash: the log goes from {} to {}", topic_,
                  partition_, part.path(segment_file::log), log_start_.value, end_.value);
  }
  stale_.clear();
  // Before the log grows past the place that these names say.
  co_return co_await sync_directory(path_);
}

}  // namespace karst::log
