#pragma once

#include <map>
#include <vector>

#include "log/epoch_cache.h"
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
  epoch_cache epochs;
  producer_state producers;
};

// What all journals of a directory say together (STORAGE.md 5): read before anything is written,
// never changed afterwards, shared by all cores.
struct recovered_state {
  std::vector<journal_window> windows;
  std::map<log_id, recovered_log> logs;
  std::vector<std::string> journal_files;         // of earlier runs, whatever they hold
  std::map<core_id, std::uint32_t> next_numbers;  // free journal file numbers
  std::uint64_t journal_bytes = 0;
  std::string damage;  // of a journal that still decides something; empty: none
  bool clean = true;   // every window ends with a clean stop

  std::uint32_t next_number(core_id core) const {
    auto known = next_numbers.find(core);
    return known == next_numbers.end() ? 0 : known->second;
  }
};

// Reads every journal file named in `names`.
task<expected<void, error>> read_journals(std::string directory, std::vector<std::string> names,
                                          recovered_state& into);

}  // namespace karst::log
