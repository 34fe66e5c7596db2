#pragma once

#include <memory>
#include <string>

#include "log/descriptor_cache.h"
#include "log/file_remover.h"
#include "log/index_cache.h"
#include "log/log_state.h"
#include "log/offset_index.h"
#include "log/segment_name.h"
#include "log/time_index.h"
#include "reactor/base/expected.h"
#include "reactor/file.h"
#include "reactor/task.h"
#include "reactor/waiters.h"

namespace karst::log {

// One segment of a log: Kafka's files NAME.log, NAME.index, NAME.timeindex, and what is known of
// them. Shared by its log and by readers in progress, on one core. The owner decides what is
// written when; this class only knows how. Indexes are derived data: load_indexes() rebuilds what
// the files do not cover.
class segment : public index_cache::entry {
 public:
  segment(descriptor_cache& files, std::string directory, offset base)
      : files_(files), base_(base), directory_(std::move(directory)), index_(base), times_(base) {}

  offset base() const { return base_; }
  std::string path(segment_file kind, segment_suffix suffix = segment_suffix::none) const {
    return directory_ + "/" + to_string(segment_name{base_, kind, suffix});
  }

  std::uint64_t size = 0;  // bytes of batches, claimed ones included
  bool sealed = false;
  bool retired = false;  // not of the log any more: deleted, or replaced by another with its name
  std::uint64_t allocated = 0;  // space that appends may claim
  std::uint64_t written = 0;    // blocks below were written once: not unwritten extents
  wall_ms created = 0;          // when it got its first batch
  wall_ms appended = 0;         // when it got its last one, or later
  // Of its batches; of a sealed segment known once its indexes were loaded.
  wall_ms max_timestamp = -1;
  wall_ms first_timestamp = -1;  // the largest of the first batch; -1: none, or not looked at
  offset max_timestamp_at = no_offset;
  bool max_timestamp_known() const { return max_known_; }

  // A file made ahead of need under another name gets this segment's; durable when done.
  // too_many_files: it may be tried again.
  task<expected<>> install(std::string prepared);
  bool usable() const { return usable_; }
  void mark_usable() { usable_ = true; }
  waiters& installed() { return installed_; }

  // Open while somebody holds them, and longer if descriptors allow. The writer is direct where the
  // directory allows it. too_many_files: nothing has happened, it may work later.
  task<expected<std::shared_ptr<file>>> writer(bool direct);
  task<expected<std::shared_ptr<file>>> reader();
  task<> close_files();

  // Batches are indexed as they are appended, about every `interval` bytes.
  void index_batch(offset last, position at, std::size_t bytes, wall_ms timestamp,
                   std::int64_t interval);
  bool indexes_loaded() const { return loaded_; }
  void start_indexes() { loaded_ = max_known_ = true; }
  std::size_t index_memory() const;
  offset_index const& index() const { return index_; }
  time_index const& times() const { return times_; }
  // Reads the index files as far as they are valid for positions below `valid`, then walks the
  // batches up to `end`, checking their CRC; corrupt: a batch below `end` is damaged.
  // `end` may lie inside a batch when `cut` is given: where that batch begins is put there.
  task<expected<>> load_indexes(std::uint64_t valid, std::uint64_t end, std::int64_t interval,
                                std::uint64_t* cut = nullptr);
  // Appends to the index files what they lack; durable when done. Returns up to which position of
  // the segment they are valid then.
  task<expected<std::uint64_t>> flush_indexes();
  // Where there is no room for them: the next who needs indexes reads the segment.
  task<expected<>> drop_index_files();
  // The same for whoever writes it without syncs: it is not trusted then, but it is there.
  void add_unflushed(std::vector<file_text>& files) const;
  std::uint64_t index_valid_through() const { return flushed_position_; }
  std::size_t unflushed_entries() const { return index_.size() - flushed_entries_; }
  // Compaction: writes all of them under the names of a segment that is not in use yet; they and
  // these names are durable when done.
  task<expected<>> write_cleaned_indexes();
  // The files found by load_indexes() have entries that are not valid any more.
  bool index_files_hold_more() const { return files_hold_more_; }
  // The same file with the indexes of what lies below `end`, loaded: for a truncation. The caller
  // sets `size`, and indexes the batches from the last entry on, so that the newest timestamp is
  // right again.
  std::shared_ptr<segment> cut_copy(offset end) const;
  std::uint64_t last_indexed() const { return index_.last_position().value; }
  void distrust_index_files_from(std::uint64_t where) {
    flushed_position_ = std::min(flushed_position_, where);
  }
  // Truncates to size: the end of a sealed or cleanly stopped segment.
  task<expected<>> cut_to_size(bool direct);
  // Removes all its files; with a remover, the large one gently.
  task<expected<>> unlink_all(file_remover* gently = nullptr);
  std::string where_damaged;  // set with corrupt: what and where
  std::uint64_t damaged_at = 0;

 private:
  void give_up() override;
  task<expected<>> scan(std::uint64_t from, std::uint64_t end, std::int64_t interval,
                        std::uint64_t* cut);

  descriptor_cache& files_;
  offset base_;
  std::string directory_;
  offset_index index_;
  time_index times_;
  bool loaded_ = false;
  bool max_known_ = false;
  bool named_ = false;
  bool usable_ = false;
  bool files_hold_more_ = false;
  std::uint64_t since_entry_ = 0;
  std::size_t flushed_entries_ = 0;
  std::size_t flushed_times_ = 0;
  std::uint64_t flushed_position_ = 0;
  cached_file writer_;
  cached_file reader_;
  waiters installed_;
};

}  // namespace karst::log
