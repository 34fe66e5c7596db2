#include "log/disk_log_manager.h"

#include "log/limits.h"
#include "reactor/base/limits.h"
#include "reactor/base/logging.h"
#include "reactor/file_facts.h"
#include "reactor/submit_to.h"

namespace karst::log {
namespace {

// How long appends wait for memory that nothing but time gives back.
constexpr auto memory_patience = 5ms;
// How long a stop waits for a descriptor that a log needs.
constexpr auto stop_patience = 2s;
// Files of a stop that one call writes: some milliseconds of work, so that progress shows.
constexpr std::size_t hints_at_once = 256;

}  // namespace

disk_log_manager::~disk_log_manager() = default;

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
  if (!is_refusal(made.error())) {
    fail_storage(fmt::format("creating {}: {}", path, describe(made.error())));
    co_return fail(made.error(), "check the device and restart", "{}", services_.failure);
  }
  // A refusal leaves nothing behind.
  co_await remove_directory_tree(path);
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
  auto part = std::make_shared<segment>(services_.segment_files, log->path(), offset{0});
  part->mark_usable();
  part->start_indexes();
  log->add_segment(std::move(part));
  log->begin_at_rest();
  if (auto written = co_await log->carry(entry_type::create); !written) {
    co_return fail(karst::errc::io_error, "check the device and restart", "{}", services_.failure);
  }
  logs_[id] = log;
  unprepared_.push_back(log);
  if (!preparing_) tasks_.spawn(prepare_kafka_files());
  co_return log.get();
}

// Making files takes most of the time of a first stop, so it is done before, behind the creations.
task<> disk_log_manager::prepare_kafka_files() {
  preparing_ = true;
  while (!stopping_ && !unprepared_.empty()) {
    std::vector<file_text> files;
    while (!unprepared_.empty() && files.size() < hints_at_once) {
      auto log = std::move(unprepared_.front());
      unprepared_.pop_front();
      if (!log->is_shut()) log->add_missing_kafka_files(files);
    }
    // A stop makes what is missing, and says why it could not.
    (void)co_await replace_files(std::move(files));
  }
  preparing_ = false;
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
  if (log->cleaned_to() != no_offset) {
    tasks_.spawn(note_cleaned({log->topic(), log->partition(), no_offset}));
  }
  if (services_.failed()) {
    co_return fail(karst::errc::io_error, "check the device and restart", "{}", services_.failure);
  }
  co_return expected<void, error>{};
}

void disk_log_manager::fail_storage(std::string what) {
  if (services_.failed()) return;
  auto const why = fmt::format("{} failed: {}", services_.directory, what);
  refuse_writes(why);
  if (!entered_) {
    disk_log_directory::report_failure(why);
    return;
  }
  tasks_.spawn(tell_directory(why));
}

task<> disk_log_manager::tell_directory(std::string why) {
  co_await submit_to(directory_.home(),
                     [&directory = directory_, &why] { directory.note_failure(why); });
}

void disk_log_manager::refuse_writes(std::string const& why) {
  if (services_.failed()) return;
  services_.failure = why;
  journal_->refuse();
  for (auto& [id, log] : logs_) log->wake_all();
  for (auto& log : recovering_) log->wake_all();
  journal_->room_made().wake_all();
}

// From here on a failure of the directory is not told to this core, nor by it.
task<> disk_log_manager::leave_directory() {
  if (!std::exchange(entered_, false)) co_return;
  auto const core = core::current().id();
  co_await submit_to(directory_.home(),
                     [&directory = directory_, core] { return directory.leave(core); });
}

task<> disk_log_manager::relocate(std::shared_ptr<disk_log> log) {
  (void)co_await at_once_.take(1);
  auto staged = co_await log->destage();
  if (staged) (void)co_await log->carry();
  at_once_.give(1);
  if (!staged && staged.error() == karst::errc::too_many_files) {
    static logging::rate_limit once_a_second;
    if (std::uint64_t left_out = 0; once_a_second.pass(left_out)) {
      logging::warn("log",
                    "no descriptor to write {} and {} more: their records wait in the journal; "
                    "raise the limit of open files (LimitNOFILE, ulimit -n)",
                    log->path(), left_out);
    }
    (void)co_await sleep_until(core::current().now() + refusal_patience, &stop_);
  }
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
      if (log->is_shut()) continue;
      auto const now = core::current().clock().wall_now();
      log->expire_producers(now, directory_.options().producer_expiration_ms);
      co_await log->apply_retention(now);
    }
  }
}

void disk_log_manager::start_cleaner() {
  auto const& options = directory_.options().cleaner;
  if (!options.enabled) return;
  auto logs = [this] {
    std::vector<std::shared_ptr<disk_log>> all;
    for (auto& [id, log] : logs_) all.push_back(log);
    return all;
  };
  auto cleaned = [this](disk_log const& log) {
    tasks_.spawn(note_cleaned({log.topic(), log.partition(), log.cleaned_to()}));
  };
  cleaner_ = std::make_unique<cleaner>(
      options, cleaner::surroundings{&services_, std::move(logs), std::move(cleaned)}, stop_);
  tasks_.spawn(cleaner_->run());
}

task<> disk_log_manager::note_cleaned(offset_checkpoint at) {
  co_await submit_to(directory_.home(),
                     [&directory = directory_, &at] { directory.note_cleaned(std::move(at)); });
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

// Several run at once and share `next`: a few hundred files go to a side thread together.
task<> disk_log_manager::leave_kafka_files(std::vector<std::shared_ptr<disk_log>> const& all,
                                           std::size_t& next, progress_callback const& progress) {
  while (next < all.size()) {
    std::vector<file_text> files;
    while (next < all.size() && files.size() < hints_at_once) {
      all[next++]->add_kafka_files(files);
    }
    if (files.empty()) continue;
    auto where = files.front().path;
    if (auto left = co_await replace_files(std::move(files)); !left) {
      logging::warn("log", "cannot write all of what Kafka keeps beside its logs, near {}: {}",
                    where, describe(left.error()));
    }
    if (progress) progress({all.size() + next, all.size() * 2});
  }
}

// Recovery had failed: only what it had made ready by then is still there.
task<expected<void, error>> disk_log_manager::end_after_failure() {
  for (auto& [id, log] : logs_) {
    co_await log->shut();
    co_await log->close_files();
  }
  logs_.clear();
  co_await submit_to(directory_.home(),
                     [&directory = directory_] { directory.note_closed({}, {}, false); });
  co_return fail(karst::errc::io_error, "see the messages before; the next start recovers",
                 "{} was not recovered", services_.directory);
}

task<expected<void, error>> disk_log_manager::close(progress_callback progress) {
  co_await leave_directory();
  if (gave_up_) co_return co_await end_after_failure();
  stopping_ = true;
  services_.give_up_at = core::current().now() + stop_patience;
  stop_.request();
  journal_->file_dirtied().wake_all();
  co_await tasks_.join();
  journal_->begin_fresh_file();
  std::size_t done = 0;
  {
    task_set resting;
    for (auto& [id, log] : logs_) resting.spawn(rest(log, done, logs_.size() * 2, progress));
    co_await resting.join();
  }
  auto stopped = co_await journal_->stop(!services_.failed());
  {
    // Only now: new files make every sync beside them wait for the file system's own journal.
    std::vector<std::shared_ptr<disk_log>> all;
    for (auto& [id, log] : logs_) all.push_back(log);
    std::size_t next = 0;
    task_set leaving;
    for (std::uint32_t i = 0; i < limits::file_threads; ++i) {
      leaving.spawn(leave_kafka_files(all, next, progress));
    }
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
