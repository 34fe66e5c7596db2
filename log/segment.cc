#include "log/segment.h"

#include "log/aligned_memory.h"
#include "log/batch_cursor.h"
#include "log/byte_stream.h"

namespace karst::log {
namespace {

constexpr std::size_t scan_bytes = MiB;
constexpr std::size_t index_file_most = 64 * MiB;

// The bytes of a derived file, empty when it cannot be read: it is rebuilt then.
task<std::string> read_or_nothing(std::string path) {
  auto content = co_await read_file(std::move(path), index_file_most);
  co_return content ? std::move(*content) : std::string{};
}

task<expected<>> append_to(std::string path, std::uint64_t at, std::vector<std::byte> bytes) {
  auto opened = co_await file::open(std::move(path), open_read | open_write | open_create);
  if (!opened) co_return fail(opened.error());
  expected<> done;
  if (!bytes.empty()) done = co_await opened->write(at, std::span<std::byte const>{bytes}, false);
  if (done) done = co_await opened->truncate(at + bytes.size());
  if (done) done = co_await opened->sync();
  (void)co_await opened->close();
  co_return done;
}

}  // namespace

task<expected<>> segment::install(std::string prepared) {
  if (!named_) {
    auto renamed = co_await rename_file(std::move(prepared), path(segment_file::log));
    if (!renamed) co_return renamed;
    named_ = true;
  }
  if (auto synced = co_await sync_directory(directory_); !synced) co_return synced;
  usable_ = true;
  installed_.wake_all();
  co_return expected<>{};
}

task<expected<std::shared_ptr<file>>> segment::writer(bool direct) {
  return files_.open(writer_, path(segment_file::log),
                     open_read | open_write | (direct ? open_direct : 0U));
}

task<expected<std::shared_ptr<file>>> segment::reader() {
  return files_.open(reader_, path(segment_file::log), open_read | open_exact);
}

task<> segment::close_files() {
  co_await writer_.close();
  co_await reader_.close();
}

void segment::index_batch(offset last, position at, std::size_t bytes, wall_ms timestamp,
                          std::int64_t interval) {
  if (at.value == 0) first_timestamp = timestamp;
  if (timestamp > max_timestamp) {
    max_timestamp = timestamp;
    max_timestamp_at = last;
  }
  if (since_entry_ > static_cast<std::uint64_t>(interval)) {
    index_.append(last, at);
    times_.append(max_timestamp, max_timestamp_at);
    since_entry_ = 0;
  }
  since_entry_ += bytes;
}

task<expected<>> segment::load_indexes(std::uint64_t valid, std::uint64_t end,
                                       std::int64_t interval, std::uint64_t* cut) {
  if (loaded_) co_return expected<>{};
  auto offsets = co_await read_or_nothing(path(segment_file::offset_index));
  auto times = co_await read_or_nothing(path(segment_file::time_index));
  if (loaded_) co_return expected<>{};
  auto entries = std::as_bytes(std::span{offsets});
  auto index = offset_index::decode(base_, entries.first(align_down(entries.size(), 8)));
  auto time_entries = std::as_bytes(std::span{times});
  auto time = time_index::decode(base_, time_entries.first(time_entries.size() / 12 * 12));
  std::uint64_t from = 0;
  if (index && time && valid != 0) {
    // What was appended to the files after `valid` was noted is not trusted.
    while (!index->empty() && index->last_position().value >= valid) {
      index->truncate(index->last_offset());
    }
    from = index->last_position().value;
    time->truncate(index->last_offset() + 1);
    index_ = std::move(*index);
    times_ = std::move(*time);
    if (times_.last().timestamp > max_timestamp) {
      max_timestamp = times_.last().timestamp;
      max_timestamp_at = times_.last().at;
    }
  }
  flushed_entries_ = index_.size();
  flushed_times_ = times_.size();
  flushed_position_ = from;
  files_hold_more_ = offsets.size() > flushed_entries_ * offset_index::entry_bytes ||
                     times.size() > flushed_times_ * time_index::entry_bytes;
  since_entry_ = 0;
  if (auto scanned = co_await scan(from, end, interval, cut); !scanned) co_return scanned;
  loaded_ = max_known_ = true;
  co_return expected<>{};
}

std::size_t segment::index_memory() const {
  constexpr std::size_t time_entry_memory = 16;
  return index_.size() * offset_index::entry_bytes + times_.size() * time_entry_memory;
}

// What the files hold is all there is; what was learned of the timestamps stays.
void segment::give_up() {
  if (flushed_entries_ != index_.size() || flushed_times_ != times_.size()) return;
  index_ = offset_index{base_};
  times_ = time_index{base_};
  flushed_entries_ = flushed_times_ = 0;
  loaded_ = false;
}

// Walks batches from `from` to `end`, indexing them and checking their CRC.
task<expected<>> segment::scan(std::uint64_t from, std::uint64_t end, std::int64_t interval,
                               std::uint64_t* cut) {
  if (cut != nullptr) *cut = from;
  if (from >= end) co_return expected<>{};
  auto opened = co_await reader();
  if (!opened) co_return fail(opened.error());
  auto source = *opened;
  std::vector<std::byte> window(std::min<std::uint64_t>(scan_bytes, end - from));
  while (from < end) {
    auto bytes = std::min<std::uint64_t>(window.size(), end - from);
    auto got = co_await source->read(from, std::span{window}.first(bytes));
    if (!got) co_return fail(got.error());
    batch_cursor cursor{std::span<std::byte const>{window}.first(*got)};
    auto consumed = std::uint64_t{0};
    while (auto batch = cursor.next()) {
      if (!crc_matches(batch->bytes)) break;
      index_batch(batch->header.last(), position{from + consumed}, batch->bytes.size(),
                  batch->header.max_timestamp, interval);
      consumed = cursor.consumed();
    }
    // A batch larger than the window is met again with a larger one.
    if (consumed == 0 && cursor.state() == cursor_state::cut && window.size() < end - from) {
      window.resize(std::min<std::uint64_t>(window.size() * 2, end - from));
      continue;
    }
    auto const at_end = from + *got == end && cursor.state() == cursor_state::cut;
    if (consumed == 0 && cut != nullptr && at_end) co_return expected<>{};
    if (consumed == 0) {
      where_damaged = fmt::format("{} at position {}", path(segment_file::log), from);
      damaged_at = from;
      co_return fail(karst::errc::corrupt);
    }
    from += consumed;
    if (cut != nullptr) *cut = from;
  }
  co_return expected<>{};
}

task<expected<std::uint64_t>> segment::flush_indexes() {
  auto const entries = index_.size();
  auto const time_entries = times_.size();
  auto const valid = index_.last_position().value + 1;
  auto offsets = co_await append_to(path(segment_file::offset_index),
                                    flushed_entries_ * offset_index::entry_bytes,
                                    index_.encode(flushed_entries_));
  if (!offsets) co_return fail(offsets.error());
  auto times =
      co_await append_to(path(segment_file::time_index), flushed_times_ * time_index::entry_bytes,
                         times_.encode(flushed_times_));
  if (!times) co_return fail(times.error());
  flushed_entries_ = entries;
  flushed_times_ = time_entries;
  flushed_position_ = valid;
  files_hold_more_ = false;
  co_return flushed_position_;
}

task<expected<>> segment::drop_index_files() {
  for (auto kind : {segment_file::offset_index, segment_file::time_index}) {
    auto gone = co_await unlink_file(path(kind));
    if (!gone && gone.error() != karst::errc::not_found) co_return gone;
  }
  flushed_entries_ = flushed_times_ = 0;
  flushed_position_ = 0;
  co_return co_await sync_directory(directory_);
}

task<expected<>> segment::write_cleaned_indexes() {
  auto offsets = co_await append_to(path(segment_file::offset_index, segment_suffix::cleaned), 0,
                                    index_.encode());
  if (!offsets) co_return offsets;
  auto times = co_await append_to(path(segment_file::time_index, segment_suffix::cleaned), 0,
                                  times_.encode());
  if (!times) co_return times;
  flushed_entries_ = index_.size();
  flushed_times_ = times_.size();
  flushed_position_ = index_.last_position().value + 1;
  co_return co_await sync_directory(directory_);
}

std::shared_ptr<segment> segment::cut_copy(offset end) const {
  auto copy = std::make_shared<segment>(files_, directory_, base_);
  copy->index_ = index_;
  copy->times_ = times_;
  copy->index_.truncate(end);
  copy->times_.truncate(end);
  copy->max_timestamp = copy->times_.last().timestamp;
  if (copy->max_timestamp >= 0) copy->max_timestamp_at = copy->times_.last().at;
  copy->flushed_entries_ = std::min(flushed_entries_, copy->index_.size());
  copy->flushed_times_ = std::min(flushed_times_, copy->times_.size());
  copy->flushed_position_ = flushed_position_;
  copy->loaded_ = copy->max_known_ = copy->usable_ = true;
  return copy;
}

void segment::add_unflushed(std::vector<file_text>& files) const {
  auto const entries = index_.encode(flushed_entries_);
  auto const times = times_.encode(flushed_times_);
  files.push_back({path(segment_file::offset_index), text_of(entries),
                   flushed_entries_ * offset_index::entry_bytes});
  files.push_back(
      {path(segment_file::time_index), text_of(times), flushed_times_ * time_index::entry_bytes});
}

task<expected<>> segment::cut_to_size(bool direct) {
  auto opened = co_await writer(direct);
  if (!opened) co_return fail(opened.error());
  if (auto cut = co_await (*opened)->truncate(size); !cut) co_return cut;
  allocated = size;
  written = align_up(size, block_size);
  co_return co_await (*opened)->sync();
}

task<expected<>> segment::unlink_all(file_remover* gently) {
  for (auto kind : {segment_file::offset_index, segment_file::time_index, segment_file::log}) {
    auto const gentle = gently != nullptr && kind == segment_file::log;
    auto gone = gentle ? co_await gently->remove(path(kind)) : co_await unlink_file(path(kind));
    if (!gone && gone.error() != karst::errc::not_found) co_return gone;
  }
  co_return expected<>{};
}

}  // namespace karst::log
