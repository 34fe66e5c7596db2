#include "log/recovery.h"

#include <set>

#include "log/batch.h"
#include "log/segment_name.h"
#include "reactor/base/logging.h"
#include "reactor/task_set.h"

namespace karst::log {
namespace {

// Journals that take a second or more to read are announced.
constexpr std::uint64_t much = GiB;

// The batch's header, wherever head, body and end divide it.
batch_header header_of(decoded_append const& entry, std::span<std::byte const> body) {
  std::array<std::byte, batch_layout::header_bytes> bytes{};
  std::size_t have = 0;
  for (auto part : {entry.head, body, entry.end}) {
    auto size = std::min(part.size(), bytes.size() - have);
    if (size != 0) std::memcpy(bytes.data() + have, part.data(), size);
    have += size;
  }
  return batch_header::decode(bytes.data());
}

// Builds the map of logs in journal order: later entries win, the highest generation wins, an
// append that does not start at the map's end is dropped.
class map_builder final : public entry_visitor {
 public:
  map_builder(recovered_state& into, std::size_t window) : into_(into), window_(window) {}

  task<expected<>> visit(window_entry const& found) override {
    if (auto const* state = std::get_if<log_state>(&found.entry)) {
      take(*state);
    } else if (auto const* append = std::get_if<decoded_append>(&found.entry)) {
      take(*append, found.body);
    } else if (auto const* removed = std::get_if<remove_entry>(&found.entry)) {
      auto known = decides(removed->id, removed->generation);
      if (known != nullptr) known->removed = true;
    } else if (auto const* cut = std::get_if<truncate_entry>(&found.entry)) {
      // The state right behind it says what is left, and may be the first of the log in the window.
      auto& counted = truncations_[cut->id];
      if (counted.of != cut->generation) counted = {cut->generation};
      ++counted.count;
    }
    co_return expected<>{};
  }

 private:
  recovered_log* decides(log_id id, generation of) {
    auto known = into_.logs.find(id);
    if (known == into_.logs.end() || known->second.state.generation != of) return nullptr;
    return &known->second;
  }

  void take(log_state const& state) {
    auto [known, fresh] = into_.logs.try_emplace(state.id);
    auto& log = known->second;
    if (!fresh && log.state.generation > state.generation) return;
    auto const cuts = truncations_.find(state.id);
    auto const cut = cuts != truncations_.end() && cuts->second.of == state.generation;
    log.truncations = cut ? cuts->second.count : 0;
    log.state = state;
    log.window = window_;
    log.core = into_.windows[window_].core;
    log.removed = false;
    log.epochs = epoch_cache{state.epochs};
    if (!log.producers.decode(state.producers)) log.producers.clear();
  }

  void take(decoded_append const& entry, std::span<std::byte const> body) {
    auto* log = decides(entry.id, entry.generation);
    if (log == nullptr || log->window != window_) return;
    auto& state = log->state;
    auto rolled = entry.where.segment == entry.base && entry.where.at.value == 0;
    if (entry.base != state.end || (entry.where != state.end_position && !rolled)) return;
    auto header = header_of(entry, body);
    log->epochs.assign(header.leader_epoch, entry.base);
    log->producers.update(header, entry.base, header.max_timestamp);
    if (entry.where.segment != state.end_position.segment) {
      state.active_max_timestamp = -1;
      state.index_valid_through = {};
      state.active_created = header.max_timestamp;
    }
    state.active_max_timestamp = std::max(state.active_max_timestamp, header.max_timestamp);
    state.end = entry.next();
    state.end_position = {entry.where.segment, entry.where.at + entry.size()};
    // What was at rest is not any more: its last block may have been written again.
    if (state.durable_through.segment == state.end_position.segment) {
      state.durable_through.at.value = align_down(state.durable_through.at.value, block_size);
    }
  }

  struct truncations {
    generation of;
    std::uint32_t count = 0;
  };

  recovered_state& into_;
  std::size_t window_;
  std::map<log_id, truncations> truncations_;  // met so far
};

struct peeked_journal {
  std::string path;
  journal_file_id id;
  expected<std::optional<journal_scan>> found;
};

task<> peek_into(peeked_journal& file) { file.found = co_await peek_journal(file.path); }

using run_files = std::vector<journal_scan>;

task<> scan_into(journal_scan& file, bool direct, expected<>& outcome) {
  auto path = file.path;
  auto scanned = co_await scan_journal(std::move(file), direct);
  if (scanned) {
    file = std::move(*scanned);
  } else {
    file.path = std::move(path);
    outcome = fail(scanned.error());
  }
}

// A group that marks a clean stop is the last of its run: if the newest file leads up to one, only
// the files that it calls live matter, and nothing behind its end. Otherwise every block of every
// file that was used is looked at, because a whole group behind a damaged one must not be missed
// (I-5).
task<> scan_run(run_files& files, bool direct, expected<>& outcome) {
  std::ranges::sort(files, std::greater{}, &journal_scan::first_sequence);
  auto& newest = files.front();
  auto oldest_needed = newest.first_sequence;
  if (newest.first_sequence != 0) co_await scan_into(newest, direct, outcome);
  task_set scanning;
  for (auto& file : files) {
    if (file.header.unused || (&file == &newest && file.first_sequence != 0)) continue;
    if (newest.clean && oldest_needed <= newest.live_from) {
      file.first_sequence = 0;
      continue;
    }
    oldest_needed = file.first_sequence;
    scanning.spawn(scan_into(file, direct, outcome));
  }
  co_await scanning.join();
}

// The files of earlier starts, by run.
task<expected<void, error>> find_runs(std::string const& directory,
                                      std::vector<std::string> const& names,
                                      std::map<std::pair<core_id, std::uint64_t>, run_files>& runs,
                                      recovered_state& into) {
  std::vector<peeked_journal> peeked;
  for (auto const& name : names) {
    if (auto id = parse_journal_file_name(name))
      peeked.push_back({directory + "/" + name, *id, {}});
  }
  task_set peeking;
  for (auto& file : peeked) peeking.spawn(peek_into(file));
  co_await peeking.join();
  for (auto& file : peeked) {
    if (!file.found) {
      co_return fail(file.found.error(), "check the device and the permissions",
                     "cannot read journal {}: {}", file.path, describe(file.found.error()));
    }
    auto& next = into.next_numbers[file.id.core];
    next = std::max(next, file.id.number + 1);
    old_journal_file old{.file = {.path = file.path, .number = file.id.number},
                         .core = file.id.core};
    if (auto& found = *file.found) {
      auto const& header = found->header;
      old.file.written = header.written;
      old.file_bytes = header.file_bytes;
      into.start = std::max(into.start, header.start + 1);
      runs[{header.core, header.run}].push_back(std::move(*found));
    }
    into.journal_files.push_back(std::move(old));
  }
  co_return expected<void, error>{};
}

task<expected<void, error>> find_windows(
    std::string const& directory, std::map<std::pair<core_id, std::uint64_t>, run_files>& runs,
    bool direct, recovered_state& into) {
  std::uint64_t bytes = 0;
  for (auto const& [run, files] : runs) {
    for (auto const& file : files) bytes += file.header.file_bytes;
  }
  if (bytes >= much)
    logging::info("log", "reading {} MiB of journals in {}", bytes / MiB, directory);
  expected<> outcome;
  task_set scanning;
  for (auto& [run, files] : runs) scanning.spawn(scan_run(files, direct, outcome));
  co_await scanning.join();
  if (!outcome) {
    co_return fail(outcome.error(), "check the device and the permissions",
                   "cannot read the journals in {}: {}", directory, describe(outcome.error()));
  }
  for (auto& [run, files] : runs) {
    auto window = assemble_window(std::move(files));
    if (window.files.empty() && window.damage.empty()) continue;
    for (auto& old : into.journal_files) {
      if (std::ranges::count(window.paths, old.file.path) == 0) continue;
      old.window = into.windows.size();
      old.live = std::ranges::count(window.files, old.file.path, &journal_scan::path) != 0;
    }
    into.windows.push_back(std::move(window));
  }
  co_return expected<void, error>{};
}

// A later start may have removed a log, and forgotten that, while the journal of an earlier one
// stayed: its directory is gone then, or belongs to a log that was made after it.
void drop_forgotten(std::vector<std::string> const& names, recovered_state& into) {
  std::set<std::string_view> const existing(names.begin(), names.end());
  std::map<std::string, std::uint32_t> made;  // when, by directory
  auto start_of = [&into](recovered_log const& log) { return into.windows[log.window].start; };
  auto name_of = [](log_state const& of) { return partition_directory(of.topic, of.partition); };
  for (auto const& [id, log] : into.logs) {
    if (log.removed) continue;
    auto& newest = made[name_of(log.state)];
    newest = std::max(newest, start_of(log));
  }
  for (auto& [id, log] : into.logs) {
    if (log.removed) continue;
    auto const name = name_of(log.state);
    log.removed = !existing.contains(name) || start_of(log) < made.at(name);
  }
}

// A damaged journal takes offline what it decides, and what only an earlier start's decides: it may
// have said more of that. The journal of an earlier start that decides nothing any more is not
// damaged: once a later one has settled everything, some of its files may be gone.
void judge_damage(std::string const& directory, std::uint32_t settled, recovered_state& into) {
  std::vector<std::size_t> deciding(into.windows.size());
  for (auto const& [id, log] : into.logs) {
    if (!log.removed) ++deciding[log.window];
  }
  std::uint32_t newest_damaged = 0;
  for (std::size_t i = 0; i < into.windows.size(); ++i) {
    auto const& window = into.windows[i];
    if (window.damage.empty() || (deciding[i] == 0 && window.start < settled)) continue;
    newest_damaged = std::max(newest_damaged, window.start);
    into.damage = fmt::format("the journal of core {} is damaged: {}", window.core, window.damage);
    logging::error("log",
                   "{}; {} logs of it, and those that only an earlier journal knows, stay offline "
                   "and its files are kept; restore them from replicas or a backup of {}",
                   into.damage, deciding[i], directory);
  }
  for (auto& [id, log] : into.logs) {
    auto const& window = into.windows[log.window];
    log.damaged = !window.damage.empty() || window.start < newest_damaged;
  }
}

}  // namespace

task<expected<void, error>> read_journals(std::string directory, std::vector<std::string> names,
                                          bool direct, recovered_state& into) {
  std::map<std::pair<core_id, std::uint64_t>, run_files> runs;
  if (auto found = co_await find_runs(directory, names, runs, into); !found) co_return found;
  std::uint32_t settled = 0;
  for (auto const& [run, files] : runs) {
    for (auto const& file : files) {
      if (file.header.settled) settled = std::max(settled, file.header.start);
    }
  }
  if (auto found = co_await find_windows(directory, runs, direct, into); !found) co_return found;
  for (std::size_t i = 0; i < into.windows.size(); ++i) {
    auto const& window = into.windows[i];
    into.clean = into.clean && window.clean;
    map_builder builder{into, i};
    auto read = co_await read_window(window, builder, direct);
    if (!read) {
      co_return fail(read.error(), "check the device; an older release cannot read newer journals",
                     "cannot read the journal of core {} in {}: {}", window.core, directory,
                     describe(read.error()));
    }
  }
  for (auto& [id, log] : into.logs) {
    log.state.epochs = log.epochs.entries();
    log.state.producers.clear();
    log.producers.encode(log.state.producers);
  }
  drop_forgotten(names, into);
  judge_damage(directory, settled, into);
  co_return expected<void, error>{};
}

}  // namespace karst::log
