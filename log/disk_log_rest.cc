// What a clean stop leaves of a log (STORAGE.md 3): everything in the segments, and the files
// beside them that Kafka keeps and wants to find.
#include "log/byte_stream.h"
#include "log/checkpoints.h"
#include "log/disk_log.h"
#include "log/segment_name.h"

namespace karst::log {

// The last block and the end of its file become durable together: one sync for each log. A log that
// nothing woke since the start is at rest already; only its state may lie far back.
task<expected<>> disk_log::rest() {
  if (damaged_ || removed_) co_return expected<>{};
  if (!tail_.started()) {
    if (pin_.ordinal == services_.journal->current_ordinal()) co_return expected<>{};
    if (auto carried = co_await carry(); !carried) co_return fail(karst::errc::io_error);
    co_return expected<>{};
  }
  while (durable_end_ < end_ && !services_.failed()) (void)co_await durable_waiters_.wait();
  expected<> done;
  do {
    done = co_await destage();
  } while (done && (staged_.segment != active().base() ||
                    staged_.at.value < align_down(active().size, block_size)));
  auto part = segments_.rbegin()->second;
  if (done && staged_.at.value < part->size) {
    done = co_await write_segment(part, staged_.at.value, part->size, false);
  }
  if (done) done = co_await part->cut_to_size(services_.direct);
  if (done && part->unflushed_entries() >= index_entries_at_once) {
    auto flushed = co_await part->flush_indexes();
    if (!flushed && !is_refusal(flushed.error())) done = fail(flushed.error());
  }
  if (!done) {
    services_.fail(
        fmt::format("writing {}: {}", part->path(segment_file::log), describe(done.error())));
    co_return done;
  }
  staged_.at.value = part->size;
  tail_.clear();
  head_journaled_ = false;
  if (spare_ready_) (void)co_await unlink_file(spare_path());
  if (auto carried = co_await carry(); !carried) co_return fail(karst::errc::io_error);
  rested_ = true;
  co_return expected<>{};
}

// Hints: nothing here is ever read by us as far as it was not synced before (the state entry says
// how far the indexes were), and Kafka does without what it misses. They are written in place and
// not synced, because syncs and renames for each log would be most of the time of a stop. After a
// power cut within seconds of a stop a file may be missing, empty, or of an earlier stop. Kafka
// takes all of that: it builds indexes anew, checks the snapshot's CRC and goes back to an earlier
// one or none, and an empty leader-epoch-checkpoint is one without epochs; a text of less than one
// sector is not torn.
void disk_log::add_kafka_files(std::vector<file_text>& files) {
  if (!rested_) return;
  auto& part = active();
  if (part.indexes_loaded()) part.add_unflushed(files);
  // One snapshot under the name of the end: an older one is as good a file as a new one, and
  // renaming costs nothing beside making.
  auto const current = path_ + "/" + segment_file_name(end_, segment_file::snapshot);
  files.push_back({current, text_of(producers_.encode_snapshot()), 0,
                   snapshot_.empty() ? std::string{} : path_ + "/" + snapshot_});
  files.push_back(
      {path_ + "/" + std::string{epoch_checkpoint_file}, encode_epochs(epochs_.entries())});
}

void disk_log::add_missing_kafka_files(std::vector<file_text>& files) {
  auto const base = segments_.begin()->first;
  snapshot_ = segment_file_name(base, segment_file::snapshot);
  auto add = [this, &files](std::string_view name, std::string text) {
    files.push_back({fmt::format("{}/{}", path_, name), std::move(text), 0, {}, true});
  };
  add(segment_file_name(base, segment_file::offset_index), "");
  add(segment_file_name(base, segment_file::time_index), "");
  add(snapshot_, text_of(producer_state{}.encode_snapshot()));
  add(epoch_checkpoint_file, encode_epochs({}));
}

}  // namespace karst::log
