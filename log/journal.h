#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "log/journal_group.h"
#include "reactor/base/expected.h"
#include "reactor/core.h"
#include "reactor/event.h"
#include "reactor/file.h"
#include "reactor/semaphore.h"

namespace karst::log {

// Says that a log still needs a journal file. Each log and each unfinished removal has one.
struct journal_pin : list_link {
  disk_log* log = nullptr;
  std::uint64_t ordinal = 0;  // of the file; 0: needs none
};

// A journal file of an earlier start that nothing needs any more.
struct spare_journal_file {
  std::string path;
  std::uint32_t number = 0;
  bool written = false;  // all of its blocks
};

struct journal_options {
  std::string directory;
  core_id core = 0;
  std::uint32_t start = 1;         // of the directory, counted
  std::uint32_t first_number = 0;  // numbers from here on are free
  std::uint64_t file_bytes = 64 * MiB;
  std::uint32_t files = 4;
  bool direct = true;
  std::vector<spare_journal_file> spares;
  std::uint32_t promised = 0;  // files that complete() will bring, if all goes well
};

// The journal of one core in one directory (STORAGE.md 1-3): a window of preallocated files,
// written in groups, one durable write each, and reused in turn once nothing in them is needed.
// Files of earlier starts are used again, so that a start writes little: those that held nothing
// live at once, the others when recovery is finished (complete()).
// Entries join the forming group synchronously; at the end of the turn it leaves, at most
// groups_in_flight at once; members learn of their durability in group order. A file becomes free
// when no pin holds it and a later group that says so is durable. Lives on its core; start() to
// stop(). The first failed write is final (I-25): on_failure is called once, nothing is written or
// acknowledged afterwards.
class journal {
 public:
  static task<expected<std::unique_ptr<journal>, error>> start(journal_options options);
  ~journal();
  // Recovery is finished: says so in every file (journal_file_header::settled). Durable when done.
  task<expected<void, error>> settle();
  // Then: takes files over until the window has all its files, and makes those that lack. Returns
  // those that it does not need.
  task<expected<std::vector<spare_journal_file>, error>> complete(
      std::vector<spare_journal_file> spares);
  // Before a clean stop: what is carried from here on lies in a file of its own, if there is one,
  // so that the next start reads little.
  void begin_fresh_file();
  // Writes what is formed, waits for what is in flight, closes the files. `clean` marks the end of
  // a clean stop.
  task<expected<void, error>> stop(bool clean);

  // Room for an entry: makes sure that the forming group takes it. The reserve file is only for
  // carrying. False: wait for room_made(). Nothing else may be added between claim and add.
  bool claim(std::size_t inline_bytes, std::size_t body_bytes, bool carrying);
  std::span<std::byte> add(std::size_t inline_bytes);
  void add_body(buffer_chain body);
  // `log` has everything up to `end` durable when the forming group is.
  void add_member(disk_log& log, offset end, log_position position);
  void forget(disk_log& log);
  std::uint64_t forming_sequence() const { return next_sequence_; }
  std::uint64_t forming_ordinal() const { return forming_->file_ordinal; }

  // Done when group `sequence` and all before it are durable.
  task<expected<void, errc>> durable(std::uint64_t sequence);
  waiters& room_made() { return room_made_; }
  waiters& file_dirtied() { return file_dirtied_; }

  void pin(journal_pin& pin, std::uint64_t ordinal);
  // Files that hold something, the one being written included, oldest first.
  std::size_t dirty_files() const { return dirty_.size(); }
  // Appends are in the last file that they may use: when it is full they wait for the oldest one.
  bool nearly_full() const { return free_.size() < 2; }
  std::uint64_t current_ordinal() const { return dirty_.back().ordinal; }
  // Calls `visit` for each pin on the oldest file; it may move that pin.
  template <typename Visit>
  void for_each_pin_of_oldest(Visit visit) {
    dirty_.front().pins.for_each(visit);
  }
  // Done when every group of the oldest file is durable; false after a failure.
  task<bool> oldest_is_written();
  // No group is written or acknowledged from now on: a write of the directory failed.
  void refuse();

  bool failed() const { return failed_; }
  // The largest batch: it fits in half a journal file, with its entry.
  std::size_t max_batch_bytes() const { return options_.file_bytes / 2 - 4 * block_size; }
  std::function<void(std::string const& what)> on_failure;

 private:
  struct journal_file {
    std::string path;
    std::uint32_t number = 0;
    file handle;
    std::uint64_t zeroed = 0;  // written once up to here
    bool used = false;         // groups of this run may be in it; its header says so
  };
  // One use of a file; a reused file gets a new ordinal.
  struct dirty_file {
    std::size_t index = 0;
    std::uint64_t ordinal = 0;
    std::uint64_t first_sequence = 0;
    std::uint64_t last_sequence = 0;
    intrusive_list<journal_pin> pins;
  };

  explicit journal(journal_options options);
  task<expected<void, error>> make_file(std::uint32_t number);
  task<expected<void, error>> take_over(spare_journal_file spare);
  task<expected<>> write_header(journal_file& target);
  task<expected<void, error>> make_missing(std::size_t wanted);
  void zero_in_background();
  task<> zero_files();
  void fail_zeroing(journal_file const& target, karst::errc code);
  bool begin_group(std::size_t size, bool carrying);
  journal_file& file_of(std::uint64_t ordinal);
  bool advance(bool carrying);
  void seal_forming();
  bool worth_a_write() const;
  void end_of_turn();
  task<> write_group(journal_group& group);
  task<expected<>> mark_used(journal_file& target);
  void publish();
  void release_files();
  void fail_writes(std::string what);
  std::uint64_t live_from() const;

  struct hook : core::turn_hook {
    journal* self = nullptr;
  };

  journal_options options_;
  std::uint64_t run_ = 0;
  std::deque<journal_file> files_;  // places stay valid while it grows
  std::uint32_t next_number_ = 0;
  bool settled_ = false;
  bool zeroing_ = false;
  semaphore header_{1};  // one header is written at a time: the newest facts stay
  std::deque<std::size_t> free_;
  std::deque<dirty_file> dirty_;
  std::uint64_t next_ordinal_ = 1;
  std::uint64_t next_position_ = 0;  // in the current file, behind everything claimed
  std::uint64_t next_sequence_ = 1;  // of the forming group
  std::uint64_t previous_hash_ = 0;
  std::unique_ptr<journal_group> forming_;
  bool forming_open_ = false;
  bool clean_ = false;
  std::uint64_t announced_live_from_ = 0;  // in the newest sealed group
  std::deque<std::unique_ptr<journal_group>> sealed_;
  std::deque<std::unique_ptr<journal_group>> flying_;
  std::vector<std::unique_ptr<journal_group>> spare_;
  std::uint64_t durable_sequence_ = 0;
  std::uint64_t durable_live_from_ = 0;
  bool failed_ = false;
  bool stopping_ = false;
  hook hook_;
  waiters group_durable_;
  waiters room_made_;
  waiters zeroed_;
  waiters file_dirtied_;
  task_set tasks_;
};

}  // namespace karst::log
