#pragma once

#include <functional>
#include <string>
#include <vector>

#include "log/journal_entry.h"
#include "log/journal_format.h"
#include "reactor/base/expected.h"
#include "reactor/file.h"
#include "reactor/task.h"

namespace karst::log {

// A group as found in a file: header and where it lies.
struct found_group {
  std::uint64_t position = 0;
  group_header header;
};

// One journal file, looked through from its first group to the first that does not count.
struct journal_scan {
  std::string path;
  journal_file_header header;
  std::uint64_t first_sequence = 0;  // 0: no group
  std::uint64_t last_sequence = 0;
  std::uint64_t live_from = 0;
  std::uint64_t first_previous_hash = 0;
  std::uint64_t last_hash = 0;
  std::uint64_t end = block_size;  // position behind the last group
  bool clean = false;
  // A valid group of the same run, too far behind the first bad one to be a torn end (I-5).
  std::uint64_t stray_sequence = 0;
  std::uint64_t stray_position = 0;
};

// The live window of one run of one core's journal: files in order, the first live group onwards.
struct journal_window {
  core_id core = 0;
  std::uint64_t run = 0;
  std::uint32_t start = 0;
  std::uint64_t live_from = 0;
  std::uint64_t last_sequence = 0;
  bool clean = false;
  std::vector<journal_scan> files;
  std::vector<std::string> paths;  // all files of the run, also those that hold nothing live
  std::string damage;  // what is missing or damaged, and where; then nothing of it may be served
};

// The header of a file and its first group's, without looking whether that group is whole. Nothing
// when it was never finished being made; corrupt when it holds something else.
task<expected<std::optional<journal_scan>>> peek_journal(std::string path);
// Looks through one file that was peeked at. direct: past the page cache, which is twice as fast.
task<expected<journal_scan>> scan_journal(journal_scan peeked, bool direct);
// Orders one run's files and finds its live window (STORAGE.md 5).
journal_window assemble_window(std::vector<journal_scan> files);

// An entry in the window. Bodies lie at `body`; spans live until the callback returns.
struct window_entry {
  std::uint64_t sequence = 0;
  decoded_entry entry;
  std::span<std::byte const> body;
};
// Reads the live groups in order and hands over each entry. The visitor is a plain object that
// returns a task, because a replay writes.
class entry_visitor {
 public:
  virtual ~entry_visitor() = default;
  virtual task<expected<>> visit(window_entry const& found) = 0;
};
task<expected<>> read_window(journal_window const& window, entry_visitor& visitor, bool direct);

}  // namespace karst::log
