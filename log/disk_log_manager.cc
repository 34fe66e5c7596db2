#include "log/disk_log_manager.h"

#include "log/limits.h"
#include "reactor/base/logging.h"
#include "reactor/file_facts.h"
#include "reactor/submit_to.h"

namespace karst::log {
namespace {

constexpr auto space_interval = 5s;
// How long appends wait for memory that nothing but time gives back.
constexpr auto memory_patience = 5ms;

// The generation of each log that the journals decided for.
using generation_of_log = hash_map<log_id, generation>;

// Undestaged memory follows the journal window (I-24); half as much again serves readers.
std::size_t tail_bytes(directory_options const& options) {
  if (options.memory_bytes != 0) return options.memory_bytes / options.cores;
  return options.journal_file_bytes * options.journal_files / 10 * 14;
}

// Hands the journal's bytes to the logs of this core, in journal order.
class replayer final : public entry_visitor {
 public:
  using targets = hash_map<log_id, std::shared_ptr<disk_log>>;
  replayer(targets const& logs, generation_of_log const& generations)
      : logs_(logs), generations_(generations) {}

  task<expected<>> visit(window_entry const& found) override {
    if (auto const* append = std::get_if<decoded_append>(&found.entry)) {
      auto* log = target(append->id, append->generation);
      if (log == nullptr) co_return expected<>{};
      auto where = append->where;
      for (auto part : {append->head, found.body, append->end}) {
        if (part.empty()) continue;
        if (auto done = co_await log->replay(where, part); !done) co_return note(*log, done);
        where.at = where.at + part.size();
      }
    } else if (auto const* state = std::get_if<log_state>(&found.entry)) {
      auto* log = target(state->id, state->generation);
      if (log == nullptr || state->remainder.empty()) co_return expected<>{};
      auto where = state->end_position;
      where.at.value -= state->remainder.size();
      if (auto done = co_await log->replay(where, state->remainder); !done) {
        co_return note(*log, done);
      }
    }
    co_return expected<>{};
  }

 private:
  disk_log* target(log_id id, generation of) {
    auto known = logs_.find(id);
    if (known == logs_.end() || known->second->is_shut()) return nullptr;
    auto wanted = generations_.find(id);
    return wanted->second == of ? known->second.get() : nullptr;
  }
  // Damage of one log does not stop the others.
  expected<> note(disk_log& log, expected<> done) {
    if (done.error() != karst::errc::corrupt) return done;
    log.mark_damaged();
    return {};
  }

  targets const& logs_;
  generation_of_log const& generations_;
};

}  // namespace

task<expected<std::unique_ptr<log_manager>, error>> log_manager::start(
    log_directory& directory, std::vector<log_id> logs, std::function<void(partition_log&)> ready,
    progress_callback progress) {
  auto made = std::make_unique<disk_log_manager>(static_cast<disk_log_directory&>(directory));
  auto begun = co_await made->begin(std::move(logs), std::move(ready), std::move(progress));
  if (!begun) {
    co_await made->give_up();
    co_return std::unexpected(begun.error());
  }
  co_return std::unique_ptr<log_manager>{std::move(made)};
}

disk_log_manager::~disk_log_manager() = default;

task<expected<void, error>> disk_log_manager::begin(std::vector<log_id> logs,
                                                    std::function<void(partition_log&)> ready,
                                                    progress_callback progress) {
  auto const& options = directory_.options();
  auto const core = core::current().id();
  tails_ = tail_cache::make(tail_bytes(options));
  auto started = co_await journal::start({.directory = options.path,
                                          .core = core,
                                          .first_number = directory_.recovered().next_number(core),
                                          .file_bytes = options.journal_file_bytes,
                                          .files = options.journal_files,
                                          .direct = directory_.report().direct});
  if (!started) co_return std::unexpected(started.error());
  journal_ = std::move(*started);
  services_.directory = options.path;
  services_.direct = directory_.report().direct;
  services_.journal = journal_.get();
  services_.tails = tails_.get();
  services_.fail = [this](std::string what) { fail_storage(std::move(what)); };
  journal_->on_failure = [this](std::string const& what) { fail_storage(what); };

  for (std::size_t i = 0; i < logs.size(); ++i) {
    auto found = directory_.recovered().logs.find(logs[i]);
    if (found == directory_.recovered().logs.end() || found->second.damaged) continue;
    if (auto opened = co_await open_log(found->second); !opened) co_return opened;
    if (progress) progress({i + 1, logs.size() * 2});
  }
  tasks_.spawn(destage_loop());
  if (auto replayed = co_await replay_windows(); !replayed) co_return replayed;

  // A new generation of each, durable before its first append.
  task_set carrying;
  for (auto const& log : recovering_) carrying.spawn(carry_recovered(log));
  co_await carrying.join();
  if (services_.failed()) {
    co_return fail(karst::errc::io_error, "check the device", "{}", services_.failure);
  }
  std::size_t done = recovering_.size();
  std::vector<log_id> healthy;
  for (auto const& log : recovering_) {
    if (!log->is_shut()) healthy.push_back(log->id());
    if (ready && !log->is_shut()) ready(*log);
    if (progress) progress({++done, recovering_.size() * 2});
  }
  recovering_.clear();
  co_await submit_to(directory_.home(),
                     [&directory = directory_, &healthy] { directory.claim(healthy); });
  tasks_.spawn(retention_loop());
  tasks_.spawn(watch_space());
  co_return expected<void, error>{};
}

// What the directory holds of one log: its segments up to the recovered end.
task<expected<void, error>> disk_log_manager::open_log(recovered_log const& found) {
  auto state = found.state;
  ++state.generation.value;
  auto log = std::make_shared<disk_log>(services_, state, log_config{});
  auto names = co_await list_directory(log->path());
  if (!names) {
    co_return fail(names.error(), "check the device and the permissions", "cannot open {}: {}",
                   log->path(), describe(names.error()));
  }
  auto const at_rest = state.durable_through == state.end_position;
  for (auto const& file_name : *names) {
    auto parsed = parse_segment_name(file_name);
    if (!parsed || parsed->file != segment_file::log || parsed->suffix != segment_suffix::none) {
      continue;
    }
    if (parsed->base > state.durable_through.segment) continue;
    auto part = std::make_shared<segment>(log->path(), parsed->base);
    part->mark_usable();
    if (parsed->base < state.durable_through.segment) {
      auto status = co_await status_of(part->path(segment_file::log));
      if (!status) {
        co_return fail(status.error(), "check the device", "cannot open {}: {}",
                       part->path(segment_file::log), describe(status.error()));
      }
      part->size = part->allocated = part->written = status->size;
      part->sealed = true;
      // Below the log start: retention was interrupted after the start was durable.
    } else {
      part->size = part->allocated = state.durable_through.at.value;
      part->created = state.active_created;
      part->max_timestamp = at_rest ? state.active_max_timestamp : -1;
    }
    log->add_segment(std::move(part));
  }
  if (!log->segments().contains(state.durable_through.segment)) {
    if (state.durable_through.at.value != 0) {
      log->mark_damaged();
      co_await log->shut();
      co_return expected<void, error>{};
    }
    auto part = std::make_shared<segment>(log->path(), state.durable_through.segment);
    auto made =
        co_await file::open(part->path(segment_file::log), open_read | open_write | open_create);
    if (made) (void)co_await made->close();
    if (made) (void)co_await sync_directory(log->path());
    part->mark_usable();
    log->add_segment(std::move(part));
  }
  log->begin_at_rest();
  logs_[found.state.id] = log;
  recovering_.push_back(std::move(log));
  co_return expected<void, error>{};
}

task<expected<void, error>> disk_log_manager::replay_windows() {
  auto const& recovered = directory_.recovered();
  replayer::targets targets;
  generation_of_log generations;
  std::vector<bool> needed(recovered.windows.size());
  for (auto const& log : recovering_) {
    auto const& found = recovered.logs.at(log->id());
    if (found.state.durable_through == found.state.end_position) continue;
    targets[log->id()] = log;
    generations[log->id()] = found.state.generation;
    needed[found.window] = true;
  }
  if (targets.empty()) co_return expected<void, error>{};
  logging::info("log", "recovering {} logs in {}", targets.size(), services_.directory);
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) continue;
    replayer visitor{targets, generations};
    if (auto read = co_await read_window(recovered.windows[i], visitor); !read) {
      co_return fail(read.error(), "check the device and start again", "cannot recover {}: {}",
                     services_.directory, describe(read.error()));
    }
  }
  for (auto const& log : recovering_) {
    if (!targets.contains(log->id()) || log->is_shut()) continue;
    auto const& state = recovered.logs.at(log->id()).state;
    auto done = log->is_damaged() ? expected<>{fail(karst::errc::corrupt)}
                                  : co_await log->finish_replay(state.end_position);
    if (done) continue;
    if (done.error() != karst::errc::corrupt) {
      co_return fail(done.error(), "check the device and start again", "cannot recover {}: {}",
                     log->path(), describe(done.error()));
    }
    if (!log->is_damaged()) log->mark_damaged();
    co_await log->shut();
  }
  co_return expected<void, error>{};
}

// After a start that failed: ends what runs, writes nothing.
task<> disk_log_manager::give_up() {
  stopping_ = true;
  stop_.request();
  if (!journal_) co_return;
  journal_->refuse();
  co_await tasks_.join();
  for (auto const& log : recovering_) {
    co_await log->shut();
    co_await log->close_files();
  }
  (void)co_await journal_->stop(false);
  recovering_.clear();
  logs_.clear();
}

task<> disk_log_manager::carry_recovered(std::shared_ptr<disk_log> log) {
  if (!log->is_shut()) (void)co_await log->carry();
}

partition_log* disk_log_manager::find(log_id id) {
  auto known = logs_.find(id);
  return known == logs_.end() || known->second->is_shut() ? nullptr : known->second.get();
}

task<expected<void, error>> disk_log_manager::make_files(std::string path, uuid topic_id) {
  auto made = co_await make_directory(path);
  if (!made && made.error() == karst::errc::exists) {
    // Left by a crash, or unknown: kept under a name that Kafka also keeps away from.
    auto stray = fmt::format("{}.{:016x}{:016x}-stray", path, core::current().clock().random(),
                             core::current().clock().random());
    logging::warn("log", "{} exists but belongs to no known log; it is kept as {}", path, stray);
    if (auto moved = co_await rename_file(path, stray); !moved) {
      co_return fail(moved.error(), "move it away", "cannot rename {}: {}", path,
                     describe(moved.error()));
    }
    made = co_await make_directory(path);
  }
  if (made) {
    made = co_await write_file_atomically(path + "/" + std::string{partition_metadata_file},
                                          encode_partition_metadata(topic_id));
  }
  auto first = path + "/" + segment_file_name(offset{0}, segment_file::log);
  if (made) {
    auto opened = co_await file::open(first, open_read | open_write | open_create);
    made = opened ? co_await opened->sync() : expected<>{fail(opened.error())};
    if (opened) (void)co_await opened->close();
  }
  if (made) made = co_await sync_directory(path);
  if (made) made = co_await sync_directory(services_.directory);
  if (made) co_return expected<void, error>{};
  // A refusal leaves nothing behind.
  (void)co_await unlink_file(first);
  (void)co_await unlink_file(path + "/" + std::string{partition_metadata_file});
  (void)co_await remove_directory(path);
  co_return fail(made.error(), "free space or raise limits, then try again", "cannot create {}: {}",
                 path, describe(made.error()));
}

task<expected<partition_log*, error>> disk_log_manager::create(log_id id, std::string topic,
                                                               std::int32_t partition,
                                                               uuid topic_id, log_config config) {
  if (services_.failed()) {
    co_return fail(karst::errc::io_error, "check the device and restart", "{}", services_.failure);
  }
  // Every log's state must fit in the reserve file, with a remainder of up to one block.
  auto const most = directory_.options().journal_file_bytes / (block_size + 512);
  if (stopping_ || logs_.contains(id) || logs_.size() >= most) {
    co_return fail(stopping_ ? karst::errc::closed : karst::errc::no_space,
                   "use larger journal files or more cores",
                   "cannot create {}-{}: {} logs on core"
                   " {}, at most {}",
                   topic, partition, logs_.size(), core::current().id(), most);
  }
  log_state state{.id = id,
                  .generation = generation{1},
                  .topic_id = topic_id,
                  .topic = topic,
                  .partition = partition};
  auto log = std::make_shared<disk_log>(services_, state, config);
  (void)co_await at_once_.take(1);
  auto made = co_await make_files(log->path(), topic_id);
  at_once_.give(1);
  if (!made) co_return std::unexpected(made.error());
  auto part = std::make_shared<segment>(log->path(), offset{0});
  part->mark_usable();
  part->start_indexes();
  log->add_segment(std::move(part));
  log->begin_at_rest();
  if (auto written = co_await log->carry(entry_type::create); !written) {
    co_return fail(karst::errc::io_error, "check the device and restart", "{}", services_.failure);
  }
  logs_[id] = log;
  co_return log.get();
}

task<expected<void, error>> disk_log_manager::remove(log_id id) {
  auto known = logs_.find(id);
  if (known == logs_.end()) {
    co_return fail(karst::errc::not_found, "", "no log {} here", id.value);
  }
  auto log = known->second;
  co_await log->shut();
  log->mark_removed();
  // The files go under another name soon: no write may look for them under this one.
  co_await log->settle();
  journal_->forget(*log);
  remove_entry entry{id, log->generation()};
  while (!journal_->claim(remove_entry_bytes, 0, true)) {
    if (services_.failed()) break;
    (void)co_await journal_->room_made().wait();
  }
  if (!services_.failed()) {
    encode(entry, journal_->add(remove_entry_bytes));
    // The entry stays in the live window until the directory is surely gone.
    journal_pin until_gone;
    journal_->pin(until_gone, journal_->forming_ordinal());
    auto durable = co_await journal_->durable(journal_->forming_sequence());
    // From here on the removal alone is remembered.
    if (durable) journal_->pin(log->pin(), 0);
    if (durable) co_await log->unlink_files();
    until_gone.unlink();
  }
  logs_.erase(id);
  if (services_.failed()) {
    co_return fail(karst::errc::io_error, "check the device and restart", "{}", services_.failure);
  }
  co_return expected<void, error>{};
}

void disk_log_manager::fail_storage(std::string what) {
  if (services_.failed()) return;
  services_.failure = fmt::format("{} failed: {}", services_.directory, what);
  logging::error("log",
                 "{}; this directory takes no more writes and its partitions answer "
                 "KAFKA_STORAGE_ERROR; check the device, then restart",
                 services_.failure);
  journal_->refuse();
  for (auto& [id, log] : logs_) log->wake_all();
  journal_->room_made().wake_all();
}

task<> disk_log_manager::relocate(std::shared_ptr<disk_log> log) {
  (void)co_await at_once_.take(1);
  if (auto staged = co_await log->destage(); staged) (void)co_await log->carry();
  at_once_.give(1);
}

task<> disk_log_manager::free_memory(std::shared_ptr<disk_log> log) {
  (void)co_await at_once_.take(1);
  if (!log->is_shut() && co_await log->destage()) log->compact();
  at_once_.give(1);
}

// Appends wait for tail memory: everything that is durable in the journal moves to the segments.
task<> disk_log_manager::make_memory() {
  services_.memory_wanted = false;
  auto const before = tails_->pinned_bytes();
  {
    task_set freeing;
    for (auto& [id, log] : logs_) freeing.spawn(free_memory(log));
    co_await freeing.join();
  }
  // What is in flight or with readers comes back by itself.
  if (tails_->pinned_bytes() >= before) {
    (void)co_await sleep_until(core::current().now() + memory_patience, &stop_);
  }
  journal_->room_made().wake_all();
}

// Empties the oldest journal file as soon as a second one is in use.
task<> disk_log_manager::destage_loop() {
  while (!stopping_ && !services_.failed()) {
    if (services_.memory_wanted) {
      co_await make_memory();
      continue;
    }
    if (journal_->dirty_files() < 2) {
      (void)co_await journal_->file_dirtied().wait(never, &stop_);
      continue;
    }
    if (!(co_await journal_->oldest_is_written())) co_return;
    std::vector<std::shared_ptr<disk_log>> pinned;
    journal_->for_each_pin_of_oldest([this, &pinned](journal_pin& pin) {
      // Removals let go by themselves.
      if (pin.log == nullptr || pin.log->is_removed()) return;
      if (auto known = logs_.find(pin.log->id()); known != logs_.end()) {
        pinned.push_back(known->second);
      }
    });
    if (pinned.empty()) {
      // Released when the group that says so is durable, or a removal in it is done.
      (void)co_await journal_->room_made().wait(core::current().now() + 50ms, &stop_);
      continue;
    }
    task_set moving;
    for (auto& log : pinned) moving.spawn(relocate(std::move(log)));
    co_await moving.join();
  }
}

task<> disk_log_manager::retention_loop() {
  while (!stopping_ && !services_.failed()) {
    (void)co_await sleep_until(core::current().now() + directory_.options().retention_interval,
                               &stop_);
    std::vector<std::shared_ptr<disk_log>> all;
    for (auto& [id, log] : logs_) all.push_back(log);
    for (auto& log : all) {
      if (stopping_ || services_.failed()) co_return;
      if (!log->is_shut()) co_await log->apply_retention(core::current().clock().wall_now());
    }
  }
}

// The hard mark: with less free space than that, produce is refused, so that everything else
// (fetching, deleting, trimming, carrying, offset commits) goes on.
task<> disk_log_manager::watch_space() {
  while (!stopping_ && !services_.failed()) {
    if (auto space = free_space(services_.directory)) {
      auto const mark = std::min<std::uint64_t>(limit::free_space_least, space->total_bytes / 20);
      auto const full = space->available_bytes < mark;
      if (full && !services_.full) {
        logging::error("log",
                       "{} has {} MiB left, less than the hard mark of {} MiB: produce requests "
                       "are refused until there is room; delete topics, lower retention, or "
                       "enlarge the volume",
                       services_.directory, space->available_bytes / MiB, mark / MiB);
      } else if (!full && services_.full) {
        logging::info("log", "{} has room again: {} MiB", services_.directory,
                      space->available_bytes / MiB);
      }
      services_.full = full;
      if (full) journal_->room_made().wake_all();
    }
    (void)co_await sleep_until(core::current().now() + space_interval, &stop_);
  }
}

task<> disk_log_manager::rest(std::shared_ptr<disk_log> log, std::size_t& done, std::size_t of,
                              progress_callback const& progress) {
  (void)co_await at_once_.take(1);
  co_await log->shut();
  if (!services_.failed()) (void)co_await log->rest();
  co_await log->close_files();
  at_once_.give(1);
  if (progress) progress({++done, of});
}

task<expected<void, error>> disk_log_manager::close(progress_callback progress) {
  stopping_ = true;
  stop_.request();
  journal_->file_dirtied().wake_all();
  co_await tasks_.join();
  std::size_t done = 0;
  {
    task_set resting;
    for (auto& [id, log] : logs_) resting.spawn(rest(log, done, logs_.size(), progress));
    co_await resting.join();
  }
  auto stopped = co_await journal_->stop(!services_.failed());
  {
    // Only now: new files make every sync beside them wait for the file system's own journal.
    task_set leaving;
    for (auto& [id, log] : logs_) leaving.spawn(log->leave_kafka_files());
    co_await leaving.join();
  }
  std::vector<offset_checkpoint> ends;
  std::vector<offset_checkpoint> starts;
  for (auto& [id, log] : logs_) {
    ends.push_back({log->topic(), log->partition(), log->log_end()});
    starts.push_back({log->topic(), log->partition(), log->log_start()});
  }
  logs_.clear();
  auto clean = stopped.has_value();
  co_await submit_to(directory_.home(), [&directory = directory_, &ends, &starts, clean] {
    directory.note_closed(ends, starts, clean);
  });
  co_return stopped;
}

}  // namespace karst::log
