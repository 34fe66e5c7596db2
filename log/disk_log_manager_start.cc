// The start of a log_manager: its journal, and the recovery of its logs (STORAGE.md 5).
#include "log/compaction_swap.h"
#include "log/disk_log_manager.h"
#include "reactor/base/logging.h"
#include "reactor/for_each.h"
#include "reactor/submit_to.h"

namespace karst::log {
namespace {

// Logs that are opened, prepared or finished at the same time: enough to fill the device's queue.
constexpr std::size_t files_at_once = 32;
// State entries that may wait for one another: they are only copied into groups.
constexpr std::size_t states_at_once = 1024;

unexpected<error> cannot_recover(std::string const& what, karst::errc code) {
  return fail(code, "check the device and start again", "cannot recover {}: {}", what,
              describe(code));
}

// Undestaged memory follows the journal window (I-24); half as much again serves readers.
std::size_t tail_bytes(directory_options const& options) {
  if (options.memory_bytes != 0) return options.memory_bytes / options.cores;
  return options.journal_file_bytes * options.journal_files / 10 * 14;
}

// Hands the journal's bytes to the logs of this core, in journal order.
class replayer final : public entry_visitor {
 public:
  using targets = hash_map<log_id, std::shared_ptr<disk_log>>;
  // Calls `progress` with how many of `steps` that divide `window` were passed since the last call.
  replayer(targets const& logs, recovered_state const& decided, journal_window const& window,
           std::uint64_t steps, std::function<void(std::uint64_t)> progress)
      : logs_(logs),
        decided_(decided),
        window_(window),
        steps_(steps),
        progress_(std::move(progress)) {}

  task<expected<>> visit(window_entry const& found) override {
    auto const groups = window_.last_sequence - window_.live_from + 1;
    auto const share = (found.sequence - window_.live_from) * steps_ / groups;
    if (share > passed_) progress_(share - std::exchange(passed_, share));
    if (auto const* append = std::get_if<decoded_append>(&found.entry)) {
      auto* log = target(append->id, append->generation);
      if (log == nullptr) co_return expected<>{};
      auto where = append->where;
      for (auto part : {append->head, found.body, append->end}) {
        if (part.empty()) continue;
        auto done = co_await replay(*log, where, part);
        if (!done) co_return note(*log, done);
        where.at = where.at + part.size();
      }
    } else if (auto const* state = std::get_if<log_state>(&found.entry)) {
      auto* log = target(state->id, state->generation);
      if (log == nullptr || state->remainder.empty()) co_return expected<>{};
      auto where = state->end_position;
      where.at.value -= state->remainder.size();
      auto done = co_await replay(*log, where, state->remainder);
      if (!done) co_return note(*log, done);
    } else if (auto const* cut = std::get_if<truncate_entry>(&found.entry)) {
      if (known(cut->id, cut->generation) != nullptr) ++truncations_[cut->id];
    }
    co_return expected<>{};
  }

 private:
  // Many logs with a little each may hold all memory together: then all of them give theirs up.
  task<expected<>> replay(disk_log& log, log_position where, std::span<std::byte const> bytes) {
    auto done = co_await log.replay(where, bytes);
    if (done || done.error() != karst::errc::no_memory) co_return done;
    for (auto const& [id, other] : logs_) {
      if (!other->is_shut() && co_await other->destage()) other->compact();
    }
    co_return co_await log.replay(where, bytes);
  }
  // A log of this core, if the journals decided for this generation.
  disk_log* known(log_id id, generation of) {
    auto log = logs_.find(id);
    if (log == logs_.end() || log->second->is_shut()) return nullptr;
    return decided_.logs.at(id).state.generation == of ? log->second.get() : nullptr;
  }
  // Nothing before its last truncation comes back: others may have taken its place since.
  disk_log* target(log_id id, generation of) {
    auto* log = known(id, of);
    if (log == nullptr) return nullptr;
    auto const truncations = decided_.logs.at(id).truncations;
    return truncations == 0 || truncations_[id] == truncations ? log : nullptr;
  }
  // Damage of one log does not stop the others.
  expected<> note(disk_log& log, expected<> done) {
    if (done.error() != karst::errc::corrupt) return done;
    log.mark_damaged();
    return {};
  }

  targets const& logs_;
  recovered_state const& decided_;
  journal_window const& window_;
  std::uint64_t steps_;
  std::function<void(std::uint64_t)> progress_;
  std::uint64_t passed_ = 0;
  hash_map<log_id, std::uint32_t> truncations_;  // met so far
};

}  // namespace

task<expected<std::unique_ptr<log_manager>, error>> log_manager::start(log_directory& directory) {
  auto made = std::make_unique<disk_log_manager>(static_cast<disk_log_directory&>(directory));
  auto begun = co_await made->begin();
  if (!begun) co_return std::unexpected(begun.error());
  co_return std::unique_ptr<log_manager>{std::move(made)};
}

task<expected<void, error>> disk_log_manager::begin() {
  auto const& options = directory_.options();
  auto const core = core::current().id();
  tails_ = tail_cache::make(tail_bytes(options));
  auto const& files = directory_.files_for(core);
  auto started = co_await journal::start({.directory = options.path,
                                          .core = core,
                                          .start = directory_.recovered().start,
                                          .first_number = directory_.recovered().next_number(core),
                                          .file_bytes = options.journal_file_bytes,
                                          .files = options.journal_files,
                                          .direct = directory_.report().direct,
                                          .spares = files.spares,
                                          .promised = files.promised});
  if (!started) co_return std::unexpected(started.error());
  journal_ = std::move(*started);
  auto const files_most = log_services::segment_files_most(options.descriptors, options.cores);
  services_.segment_files.set_most(files_most);
  services_.removals.set_most(
      std::min(limit::files_freed_slowly, files_most / limit::files_freed_slowly_share));
  services_.removals.set_step(options.freed_at_once);
  services_.reads = segment_reads{options.cores};
  services_.directory = options.path;
  services_.direct = directory_.report().direct;
  services_.journal = journal_.get();
  services_.tails = tails_.get();
  services_.ask_for_space = [this] { ask_for_space(); };
  services_.fail = [this](std::string what) { fail_storage(std::move(what)); };
  journal_->on_failure = [this](std::string const& what) { fail_storage(what); };
  core::current().metrics().add(damaged_reads_, "karst_log_damaged_reads_total",
                                "Reads that met records which do not match their checksum",
                                services_.damaged_reads, metric_kind::counter,
                                fmt::format("directory=\"{}\"", options.path));
  core::current().metrics().add(failed_reads_, "karst_log_failed_reads_total",
                                "Reads that the device failed; each was answered with an error",
                                services_.failed_reads, metric_kind::counter,
                                fmt::format("directory=\"{}\"", options.path));
  entered_ = true;
  co_await submit_to(directory_.home(), [this, core] { directory_.enter(core, *this); });
  tasks_.spawn(destage_loop());
  tasks_.spawn(retention_loop());
  tasks_.spawn(services_.removals.run(stop_));
  start_cleaner();
  co_return expected<void, error>{};
}

task<expected<void, error>> disk_log_manager::recover(std::vector<log_id> logs,
                                                      std::function<void(partition_log&)> ready,
                                                      progress_callback progress) {
  recovery work{.ready = std::move(ready), .progress = std::move(progress)};
  work.of = 2 * logs.size();
  co_await for_each_concurrently(logs, files_at_once,
                                 [this, &work](log_id id) { return open_log(work, id); });
  // Those that a clean stop left need only a new generation; they need not wait for the others.
  std::vector<std::shared_ptr<disk_log>> at_rest;
  std::vector<std::shared_ptr<disk_log>> others;
  for (auto const& log : recovering_) {
    (work.targets.contains(log->id()) ? others : at_rest).push_back(log);
  }
  auto make_ready = [this, &work](std::shared_ptr<disk_log> log) {
    return this->make_ready(work, std::move(log));
  };
  if (work.outcome) co_await for_each_concurrently(at_rest, states_at_once, make_ready);
  if (work.outcome && !others.empty()) co_await replay_windows(work, others);
  if (work.outcome) co_await for_each_concurrently(others, states_at_once, make_ready);
  if (work.outcome && services_.failed()) {
    work.outcome = fail(karst::errc::io_error, "check the device", "{}", services_.failure);
  }
  if (!work.outcome) {
    co_await give_up();
    co_return work.outcome;
  }
  recovering_.clear();
  auto const core = core::current().id();
  co_await submit_to(directory_.home(),
                     [this, core, &work] { directory_.claim(core, work.healthy, *journal_); });
  co_return expected<void, error>{};
}

// A new generation, durable before the first append.
task<> disk_log_manager::make_ready(recovery& work, std::shared_ptr<disk_log> log) {
  if (!work.outcome || services_.failed()) co_return;
  if (!log->is_shut()) {
    if (auto removed = co_await log->remove_stale(); !removed) {
      if (work.outcome) work.outcome = cannot_recover(log->path(), removed.error());
      co_return;
    }
    (void)co_await log->carry();
  }
  if (services_.failed()) co_return;
  work.step();
  if (log->is_shut()) co_return;
  logs_[log->id()] = log;
  work.healthy.push_back(log->id());
  if (work.ready) work.ready(*log);
}

// What the directory holds of one log: its segments up to the recovered end.
task<> disk_log_manager::open_log(recovery& work, log_id id) {
  auto known = directory_.recovered().logs.find(id);
  if (!work.outcome || known == directory_.recovered().logs.end() || known->second.damaged) {
    co_return;
  }
  auto const& found = known->second;
  auto state = found.state;
  ++state.generation.value;
  auto log = std::make_shared<disk_log>(services_, state, log_config{});
  log->set_cleaned_to(directory_.cleaned_at_start(state.topic, state.partition));
  auto added = co_await add_segments(*log, state);
  if (!added && work.outcome) work.outcome = added;
  if (!added) co_return;
  recovering_.push_back(log);
  work.step();
  auto const& end = found.state.end_position;
  auto const at_rest = found.state.durable_through == end;
  // A truncation to a block's beginning leaves nothing to replay, but perhaps its files as they
  // were; a log that came to rest inside a block came there after it.
  auto const uncut = found.truncations != 0 && end.at.value % block_size == 0;
  if (log->is_shut() || (at_rest && !uncut)) co_return;
  work.targets[id] = log;
}

task<expected<void, error>> disk_log_manager::add_segments(disk_log& log, log_state const& state) {
  auto names = co_await list_directory(log.path());
  if (!names) {
    co_return fail(names.error(), "check the device and the permissions", "cannot open {}: {}",
                   log.path(), describe(names.error()));
  }
  auto swapped = co_await recover_compaction_swap(log.path(), *names);
  if (swapped && *swapped) names = co_await list_directory(log.path());
  if (!swapped || !names) {
    auto const code = swapped ? names.error() : swapped.error();
    co_return fail(code,
                   "check the device; a file compaction-swap that Karst did not write is to "
                   "be moved away",
                   "cannot finish the compaction in {}: {}", log.path(), describe(code));
  }
  auto const at_rest = state.durable_through == state.end_position;
  for (auto const& file_name : *names) {
    auto parsed = parse_segment_name(file_name);
    if (parsed && parsed->file == segment_file::snapshot) log.note_snapshot(file_name);
    if (!parsed || parsed->suffix != segment_suffix::none) continue;
    auto const whose = parsed->file == segment_file::log ||
                       parsed->file == segment_file::offset_index ||
                       parsed->file == segment_file::time_index;
    if (whose && parsed->base > state.end_position.segment) log.note_stale(parsed->base);
    if (parsed->file != segment_file::log || parsed->base > state.durable_through.segment) {
      continue;
    }
    auto part = std::make_shared<segment>(services_.segment_files, log.path(), parsed->base);
    part->mark_usable();
    if (parsed->base < state.durable_through.segment) {
      auto status = co_await status_of(part->path(segment_file::log));
      if (!status) {
        co_return fail(status.error(), "check the device", "cannot open {}: {}",
                       part->path(segment_file::log), describe(status.error()));
      }
      part->size = part->allocated = part->written = status->size;
      part->appended = status->modified;
      part->sealed = true;
      // Below the log start: retention was interrupted after the start was durable.
    } else {
      part->size = part->allocated = state.durable_through.at.value;
      part->created = state.active_created;
      part->max_timestamp = at_rest ? state.active_max_timestamp : -1;
    }
    log.add_segment(std::move(part));
  }
  if (!log.segments().contains(state.durable_through.segment)) {
    if (state.durable_through.at.value != 0) {
      log.mark_damaged();
      co_await log.shut();
      co_return expected<void, error>{};
    }
    auto part = std::make_shared<segment>(services_.segment_files, log.path(),
                                          state.durable_through.segment);
    auto made =
        co_await file::open(part->path(segment_file::log), open_read | open_write | open_create);
    if (made) (void)co_await made->close();
    if (made) (void)co_await sync_directory(log.path());
    part->mark_usable();
    log.add_segment(std::move(part));
  }
  log.begin_at_rest();
  co_return expected<void, error>{};
}

// Hands the journals' bytes to the logs that lack them, window by window.
task<> disk_log_manager::replay_windows(recovery& work,
                                        std::vector<std::shared_ptr<disk_log>> const& logs) {
  auto const& recovered = directory_.recovered();
  logging::info("log", "recovering {} logs in {}", logs.size(), services_.directory);
  std::vector<bool> needed(recovered.windows.size());
  for (auto const& log : logs) needed[recovered.logs.at(log->id()).window] = true;
  // Reading a journal counts as much as opening the logs, or making them ready.
  work.of += logs.size() * static_cast<std::uint64_t>(std::ranges::count(needed, true));
  auto begin = [this, &work](std::shared_ptr<disk_log> log) {
    return begin_replay(work, std::move(log));
  };
  co_await for_each_concurrently(logs, files_at_once, begin);
  for (std::size_t i = 0; i < needed.size() && work.outcome; ++i) {
    if (!needed[i]) continue;
    replayer visitor{work.targets, recovered, recovered.windows[i], logs.size(),
                     [&work](std::uint64_t steps) { work.advance(steps); }};
    auto read = co_await read_window(recovered.windows[i], visitor, services_.direct);
    if (!read) work.outcome = cannot_recover(services_.directory, read.error());
  }
  auto finish = [this, &work](std::shared_ptr<disk_log> log) {
    return finish_replay(work, std::move(log));
  };
  if (work.outcome) co_await for_each_concurrently(logs, files_at_once, finish);
}

task<> disk_log_manager::begin_replay(recovery& work, std::shared_ptr<disk_log> log) {
  if (!work.outcome) co_return;
  auto begun = co_await log->begin_replay();
  if (!begun && work.outcome) work.outcome = cannot_recover(log->path(), begun.error());
}

task<> disk_log_manager::finish_replay(recovery& work, std::shared_ptr<disk_log> log) {
  if (!work.outcome || log->is_shut()) co_return;
  auto const& state = directory_.recovered().logs.at(log->id()).state;
  auto done = log->is_damaged() ? expected<>{fail(karst::errc::corrupt)}
                                : co_await log->finish_replay(state.end_position);
  if (done) co_return;
  if (done.error() != karst::errc::corrupt) {
    if (work.outcome) work.outcome = cannot_recover(log->path(), done.error());
    co_return;
  }
  if (!log->is_damaged()) log->mark_damaged();
  co_await log->shut();
}

// After a recovery that failed: ends what runs, writes nothing. What was served by then is
// recovered by the next start.
task<> disk_log_manager::give_up() {
  gave_up_ = true;
  stopping_ = true;
  stop_.request();
  journal_->refuse();
  co_await tasks_.join();
  for (auto const& log : recovering_) {
    co_await log->shut();
    co_await log->close_files();
  }
  (void)co_await journal_->stop(false);
  recovering_.clear();
}

}  // namespace karst::log
