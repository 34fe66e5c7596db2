// Moving a log's bytes from the tail to its segments, carrying its state to a newer journal file,
// and bringing it to rest (STORAGE.md 3, 4).
#include "log/aligned_memory.h"
#include "log/batch_cursor.h"
#include "log/disk_log.h"

namespace karst::log {
namespace {

constexpr std::uint64_t chunk_bytes = 512 * KiB;
constexpr std::uint64_t chunks_at_once = 8;

}  // namespace

// One chunk, which may end in a partial block: that is padded with zeros in a copy.
task<> disk_log::write_range(std::shared_ptr<segment> part, std::uint64_t from, std::uint64_t to,
                             bool durable, expected<>& result) {
  auto writer = co_await part->writer(services_.direct);
  if (!writer) {
    result = fail(writer.error());
    co_return;
  }
  auto const whole = align_down(to, block_size);
  // The pieces stay alive, and hence unchanged, until the write is done.
  auto pieces = tail_.slice({part->base(), position{from}}, whole > from ? whole - from : 0);
  std::vector<iovec> vectors;
  pieces.to_iovecs(vectors);
  aligned_memory last;
  if (whole != to) {
    last = aligned_memory::zeroed(block_size);
    tail_.copy_to({part->base(), position{whole}}, last.bytes().first(to - whole));
    vectors.push_back({last.data(), block_size});
  }
  constexpr auto unhurried = limit::segment_write_bytes_hurried / limit::segment_write_bytes;
  auto const hurried = services_.journal != nullptr && services_.journal->nearly_full();
  auto const share = (to - from) * (hurried ? 1 : unhurried);
  (void)co_await services_.writes.take(1);
  (void)co_await services_.write_bytes.take(share);
  auto done = co_await (*writer)->write(from, std::move(vectors), durable);
  services_.write_bytes.give(share);
  services_.writes.give(1);
  if (!done) result = done;
}

// [from, to) in chunks, a few at once. A write that straddles written and unwritten
// extents would go to a worker thread: what was written before is written alone (I-14).
task<expected<>> disk_log::write_segment(std::shared_ptr<segment> part, std::uint64_t from,
                                         std::uint64_t to, bool durable) {
  expected<> result;
  task_set writes;
  while (from < to) {
    auto until = std::min(to, from + chunk_bytes);
    if (from < part->written) until = std::min(until, part->written);
    writes.spawn(write_range(part, from, until, durable, result));
    from = until;
  }
  co_await writes.join();
  if (result) part->written = std::max(part->written, align_up(to, block_size));
  co_return result;
}

task<expected<>> disk_log::seal_segment(std::shared_ptr<segment> part) {
  if (auto cut = co_await part->cut_to_size(services_.direct); !cut) co_return cut;
  if (!part->indexes_loaded()) co_return expected<>{};
  auto flushed = co_await part->flush_indexes();
  if (!flushed && flushed.error() != karst::errc::no_space) co_return fail(flushed.error());
  // A full disk must not keep records in the journal for the sake of what can be derived.
  if (!flushed) {
    if (auto dropped = co_await part->drop_index_files(); !dropped) co_return dropped;
  }
  services_.indexes.use(*part, part->index_memory());
  co_return expected<>{};
}

task<expected<>> disk_log::destage() {
  if (destaging_) {
    (void)co_await staged_moved_.wait();
    co_return expected<>{};
  }
  if (!tail_.started()) co_return expected<>{};
  if (removed_) co_return fail(karst::errc::closed);
  destaging_ = true;
  expected<> done;
  // What becomes durable meanwhile is for the next time: a busy log must not keep others waiting.
  auto const goal = durable_position_;
  while (done && !services_.failed() && !removed_) {
    auto part = segments_.at(staged_.segment);
    if (!part->usable()) {
      (void)co_await part->installed().wait();
      continue;
    }
    auto const over = goal.segment > part->base();
    auto const limit = over ? part->size : align_down(goal.at.value, block_size);
    if (staged_.at.value < limit) {
      auto to = std::min(limit, staged_.at.value + chunk_bytes * chunks_at_once);
      done = co_await write_segment(part, staged_.at.value, to, true);
      if (done) staged_.at.value = to;
    } else if (over) {
      done = co_await seal_segment(part);
      if (done) staged_ = {segments_.upper_bound(part->base())->first, position{0}};
    } else {
      break;
    }
    // Without a descriptor nothing was written: a refusal, to be tried again.
    if (!done && done.error() == karst::errc::too_many_files) break;
    if (!done) {
      services_.fail(
          fmt::format("writing {}: {}", part->path(segment_file::log), describe(done.error())));
      break;
    }
    tail_.durable_through(staged_);
    services_.room().wake_all();
  }
  destaging_ = false;
  staged_moved_.wake_all();
  if (services_.failed() && done) done = fail(karst::errc::io_error);
  co_return done;
}

void disk_log::compact() {
  if (!tail_.started() || destaging_ || staged_.segment != tail_.end().segment) return;
  if (staged_.at.value >= align_down(tail_.end().at.value, block_size)) tail_.compact();
}

task<> disk_log::settle() {
  while (destaging_) (void)co_await staged_moved_.wait();
}

task<expected<void, errc>> disk_log::carry(entry_type type) {
  if (removed_) co_return std::unexpected(errc::closed);
  auto part = segments_.rbegin()->second;
  auto const many = part->indexes_loaded() && part->unflushed_entries() >= index_entries_at_once;
  if (many && !flushing_ && !cutting_) {
    flushing_ = true;
    auto flushed = co_await part->flush_indexes();
    flushing_ = false;
    flushed_.wake_all();
    // Without room or a descriptor the index stays shorter, and recovery reads more.
    auto refused = !flushed && is_refusal(flushed.error());
    if (!flushed && !refused && !removed_) {
      services_.fail(fmt::format("writing {}: {}", part->path(segment_file::offset_index),
                                 describe(flushed.error())));
    }
  }
  auto& journal = *services_.journal;
  while (true) {
    if (services_.failed()) co_return std::unexpected(errc::storage_failed);
    if (removed_) co_return std::unexpected(errc::closed);
    if (journal.claim(encoded_bytes(snapshot()), 0, true)) break;
    (void)co_await services_.room().wait();
  }
  auto state = snapshot();
  add_state(state, type);
  auto const ordinal = journal.forming_ordinal();
  auto written = co_await journal.durable(journal.forming_sequence());
  if (!written) co_return written;
  state_ordinal_ = std::max(state_ordinal_, ordinal);
  drop_marks(state.durable_through, state.end_position, ordinal);
  repin();
  co_return expected<void, errc>{};
}

void disk_log::begin_at_rest() {
  auto& part = active();
  part.written = align_up(part.size, block_size);
}

// An empty file, whatever a crashed run has left under its name.
task<expected<>> disk_log::make_file(segment& part) {
  auto opened =
      co_await file::open(part.path(segment_file::log), open_read | open_write | open_create);
  if (!opened) co_return fail(opened.error());
  auto done = co_await opened->truncate(0);
  if (done) done = co_await opened->sync();
  (void)co_await opened->close();
  if (done) done = co_await sync_directory(path_);
  if (done) part.mark_usable();
  co_return done;
}

// All bytes of the segment come from the journal once more.
task<expected<>> disk_log::make_segment(offset base) {
  auto part = std::make_shared<segment>(services_.segment_files, path_, base);
  if (auto made = co_await make_file(*part); !made) co_return made;
  segments_[base] = std::move(part);
  co_return expected<>{};
}

// Whatever the last segment's file holds above `staged_` becomes unwritten again: zeros (I-17).
task<expected<>> disk_log::zero_above_staged() {
  auto part = segments_.at(staged_.segment);
  KARST_ASSERT(staged_.at.value % block_size == 0, "{}", staged_.at.value);
  auto writer = co_await part->writer(services_.direct);
  if (!writer) co_return fail(writer.error());
  auto status = co_await status_of(part->path(segment_file::log));
  if (!status) co_return fail(status.error());
  if (status->size > staged_.at.value) {
    auto zeroed = co_await (*writer)->zero_range(
        staged_.at.value, align_up(status->size, block_size) - staged_.at.value);
    if (zeroed) zeroed = co_await (*writer)->sync();
    if (!zeroed) co_return zeroed;
  }
  part->allocated = align_down(status->size, block_size);
  part->written = staged_.at.value;
  co_return expected<>{};
}

task<expected<>> disk_log::begin_replay() {
  if (!segments_.contains(staged_.segment)) {
    if (auto made = co_await make_segment(staged_.segment); !made) co_return made;
  }
  auto part = segments_.at(staged_.segment);
  part->size = staged_.at.value;
  part->sealed = false;
  // What a crashed run, a recovery or a truncation left there.
  co_return co_await zero_above_staged();
}

task<expected<>> disk_log::replay(log_position where, std::span<std::byte const> bytes) {
  if (!tail_.started()) {
    // Before the part that the segments hold, or a remainder that older entries lead up to.
    if (where > staged_) co_return expected<>{};
    if (!tail_.start(staged_, {})) co_return fail(karst::errc::no_memory);
    durable_position_ = staged_;
  }
  if (where.segment < tail_.end().segment) co_return expected<>{};
  if (where.segment > tail_.end().segment) {
    if (where.at.value != 0) co_return fail(karst::errc::corrupt);
    active().sealed = true;
    if (segments_.contains(where.segment)) {
      (void)co_await segments_[where.segment]->unlink_all();
    }
    if (auto made = co_await make_segment(where.segment); !made) co_return made;
    tail_.roll(where.segment);
  }
  if (where.at > tail_.end().at) co_return fail(karst::errc::corrupt);
  auto const known = tail_.end().at.value - where.at.value;
  if (known >= bytes.size()) co_return expected<>{};
  bytes = bytes.subspan(known);
  if (!tail_.reserve(bytes.size())) {
    if (auto room = co_await destage(); !room) co_return room;
    compact();
    if (!tail_.reserve(bytes.size())) co_return fail(karst::errc::no_memory);
  }
  tail_.write(bytes);
  tail_.commit();
  durable_position_ = tail_.end();
  active().size = tail_.end().at.value;
  if (active().size > active().allocated) {
    if (auto grown = co_await grow(0); !grown) co_return grown;
  }
  if (tail_.end().segment != staged_.segment ||
      tail_.end().at.value - staged_.at.value > chunk_bytes * chunks_at_once) {
    co_return co_await destage();
  }
  co_return expected<>{};
}

task<expected<>> disk_log::finish_replay(log_position end) {
  // Nothing to replay: a truncation to a block's beginning, after which nothing was appended.
  if (!tail_.started() && end == staged_) {
    durable_position_ = staged_;
    (void)tail_.start(staged_, {});
  }
  // The journal's bytes must lead to the end that its entries named.
  if (!tail_.started() || tail_.end() != end) co_return fail(karst::errc::corrupt);
  // All of it: the new journal will hold the last block only, and the old ones go. A destage that
  // is under way already may have a nearer goal.
  log_position const target{end.segment, position{align_down(end.at.value, block_size)}};
  while (staged_ < target) {
    if (auto done = co_await destage(); !done) co_return done;
  }
  auto part = segments_.rbegin()->second;
  part->written = staged_.at.value;
  std::uint64_t cut = 0;
  auto loaded = co_await part->load_indexes(index_valid_, staged_.at.value,
                                            config_.index_interval_bytes, &cut);
  if (!loaded) co_return loaded;
  // What is not in the segment yet, from the batch that reaches into it.
  auto rest = co_await fetch(part, cut, part->size - cut);
  if (!rest) co_return fail(karst::errc::io_error);
  auto bytes = rest->bytes.linearize();
  batch_cursor cursor{bytes.bytes()};
  for (auto at = cut; auto batch = cursor.next(); at = cut + cursor.consumed()) {
    part->index_batch(batch->header.last(), position{at}, batch->bytes.size(),
                      batch->header.max_timestamp, config_.index_interval_bytes);
  }
  // What the index files say of batches that are gone is cut off before others take their place.
  if (!part->index_files_hold_more()) co_return expected<>{};
  auto flushed = co_await part->flush_indexes();
  co_return flushed ? expected<>{} : expected<>{fail(flushed.error())};
}

}  // namespace karst::log
