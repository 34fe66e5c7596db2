#pragma once

#include <map>
#include <vector>

#include "log/epoch_cache.h"
#include "log/journal.h"
#include "log/journal_reader.h"
#include "log/producer_state.h"

namespace karst::log {

// One log as the journals leave it: its newest state, brought forward by the appends behind it.
struct recovered_log {
  log_state state;
  std::size_t window = 0;  // where the deciding generation was found
  core_id core = no_core;
  bool removed = false;
  bool damaged = false;  // its window is damaged: it is not served
  // Truncations in that window: what it holds of the log before the last of them is gone.
  std::uint32_t truncations = 0;
  epoch_cache epochs;
  producer_state producers;
};

// A journal file of an earlier start, whatever it holds.
struct old_journal_file {
  spare_journal_file file;
  core_id core = no_core;
  std::uint64_t file_bytes = 0;       // 0: never finished being made
  std::optional<std::size_t> window;  // the window that counts it among its files
  bool live = false;                  // it holds groups of that window
};

// What all journals of a directory say together (STORAGE.md 5): read before anything is written,
// never changed afterwards, shared by all cores.
struct recovered_state {
  std::vector<journal_window> windows;
  std::map<log_id, recovered_log> logs;
  std::vector<old_journal_file> journal_files;
  std::map<core_id, std::uint32_t> next_numbers;  // free journal file numbers
  std::uint32_t start = 1;                        // this one, counted
  std::string damage;  // of a journal that still decides something; empty: none
  bool clean = true;   // every window ends with a clean stop

  std::uint32_t next_number(core_id core) const {
    auto known = next_numbers.find(core);
    return known == next_numbers.end() ? 0 : known->second;
  }
};

// Reads every journal file named in `names`, as far as it can matter: after a clean stop that is
// little more than the last state of each log.
task<expected<void, error>> read_journals(std::string directory, std::vector<std::string> names,
                                          bool direct, recovered_state& into);

}  // namespace karst::log
