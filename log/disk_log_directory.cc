#include "log/disk_log_directory.h"

#include "log/disk_log_manager.h"
#include "log/journal_format.h"
#include "log/segment_name.h"
#include "reactor/base/logging.h"
#include "reactor/submit_to.h"

namespace karst::log {
namespace {

// A checkpoint of all logs of a directory: a line of 280 bytes at most for each.
constexpr std::size_t checkpoint_most = 64 * MiB;

// Whether the file system takes O_DIRECT: asked with a file of our own.
task<bool> takes_direct(std::string directory) {
  auto path = directory + "/karst-probe";
  auto flags = open_read | open_write | open_create | open_direct;
  auto opened = co_await file::open(path, flags);
  if (opened) (void)co_await opened->close();
  (void)co_await unlink_file(path);
  co_return opened.has_value() || opened.error() != karst::errc::invalid;
}

// Whether a partition directory is of this incarnation of its topic.
task<bool> holds_topic(std::string directory, uuid topic_id) {
  auto text = co_await read_file(directory + "/" + std::string{partition_metadata_file}, 4 * KiB);
  co_return text&& parse_partition_metadata(*text) == topic_id;
}

}  // namespace

task<> remove_directory_tree(std::string path) {
  if (auto names = co_await list_directory(path)) {
    for (auto const& name : *names) (void)co_await unlink_file(path + "/" + name);
  }
  (void)co_await remove_directory(path);
}

task<expected<std::unique_ptr<log_directory>, error>> log_directory::open(
    directory_options options) {
  co_return co_await disk_log_directory::open(std::move(options));
}

task<expected<std::unique_ptr<log_directory>, error>> disk_log_directory::open(
    directory_options options) {
  auto made = std::unique_ptr<disk_log_directory>(new disk_log_directory{std::move(options)});
  made->home_ = core::current().id();
  if (auto looked = co_await made->look_around(); !looked) {
    co_return std::unexpected(looked.error());
  }
  co_return std::unique_ptr<log_directory>{std::move(made)};
}

task<expected<void, error>> disk_log_directory::look_around() {
  auto const& path = options_.path;
  auto locked = co_await directory_lock::take(path);
  if (!locked) co_return std::unexpected(locked.error());
  lock_ = std::move(*locked);
  auto names = co_await list_directory(path);
  if (!names) {
    co_return fail(names.error(), "create it, or correct log.dirs and its permissions",
                   "cannot open log directory {}: {}", path, describe(names.error()));
  }
  report_.direct = co_await takes_direct(path);
  if (!report_.direct) {
    report_.direct_reason =
        "the file system refuses O_DIRECT; writes are buffered and synced, which is slower: "
        "use ext4 or xfs on a local disk";
    if (!options_.allow_buffered) {
      co_return fail(karst::errc::invalid, "use ext4 or xfs on a local disk",
                     "{} does not support O_DIRECT", path);
    }
  }
  if (auto read = co_await read_journals(path, *names, report_.direct, recovered_); !read) {
    co_return read;
  }
  plan_journals();
  co_await look_at_logs(*names);
  if (auto text = co_await read_file(path + "/" + std::string{cleaner_file}, checkpoint_most)) {
    for (auto const& entry : parse_offsets(*text).value_or(std::vector<offset_checkpoint>{})) {
      cleaned_at_start_[{entry.topic, entry.partition}] = entry.at;
    }
  }
  cleaned_ = cleaned_at_start_;
  // From here on the directory is in use: a crash must not look like a clean stop to Kafka.
  (void)co_await unlink_file(path + "/" + std::string{clean_shutdown_file});
  // A process that was killed may have made journal files whose names are not durable yet; what was
  // removed just now is removed before the journals that say so go (I-21).
  if (auto synced = co_await sync_directory(path); !synced) {
    co_return fail(synced.error(), "check the device", "cannot sync {}: {}", path,
                   describe(synced.error()));
  }
  report_.damage = recovered_.damage;
  report_.clean = recovered_.clean && !recovered_.windows.empty();
  co_return expected<void, error>{};
}

// Compares the journals' logs with the directories that are there.
task<> disk_log_directory::look_at_logs(std::vector<std::string> const& names) {
  auto const& path = options_.path;
  std::set<std::string> known;
  auto const existing = std::set<std::string>(names.begin(), names.end());
  for (auto const& [id, log] : recovered_.logs) {
    auto name = partition_directory(log.state.topic, log.state.partition);
    if (log.removed || !existing.contains(name)) continue;
    known.insert(name);
    report_.logs.push_back(
        {id, log.state.topic, log.state.partition, log.state.topic_id, log.core});
  }
  for (auto const& [id, log] : recovered_.logs) {
    auto name = partition_directory(log.state.topic, log.state.partition);
    if (!log.removed || !existing.contains(name) || known.contains(name)) continue;
    if (co_await holds_topic(path + "/" + name, log.state.topic_id)) {
      co_await remove_directory_tree(path + "/" + name);
      known.insert(name);
    }
  }
  for (auto const& name : names) {
    auto parsed = parse_partition_directory(name);
    if (!parsed || known.contains(name)) continue;
    auto status = co_await status_of(path + "/" + name);
    if (!status || !status->directory) continue;  // our journals' names look like partitions
    if (parsed->state == directory_state::deleting) {
      co_await remove_directory_tree(path + "/" + name);
    } else {
      report_.unknown_directories.push_back(name);
    }
  }
}

// Whether a journal of this start can use the file.
bool disk_log_directory::fits(old_journal_file const& file) const {
  return file.file_bytes == options_.journal_file_bytes && file.core < options_.cores;
}

// Only what holds nothing live is used again before recovery is finished; nothing at all while a
// journal is damaged, so that whoever looks for lost records finds everything as it was.
void disk_log_directory::plan_journals() {
  plan_.resize(options_.cores);
  journals_.resize(options_.cores);
  managers_.resize(options_.cores);
  if (!recovered_.damage.empty()) return;
  // A start that ended amid handing over files left a journal that lacks some. That those may lack
  // is said by files that perhaps hold nothing else: they stay until this start says so itself.
  auto const cut_short = std::ranges::any_of(
      recovered_.windows, [](auto const& window) { return !window.damage.empty(); });
  for (auto const& old : recovered_.journal_files) {
    if (!fits(old)) continue;
    auto& plan = plan_[old.core];
    if (old.live || cut_short) {
      ++plan.promised;
    } else if (plan.spares.size() < options_.journal_files) {
      plan.spares.push_back(old.file);
      reused_.insert(old.file.path);
    }
  }
  // Those that need no zeroing first.
  for (auto& plan : plan_) {
    std::ranges::partition(plan.spares, &spare_journal_file::written);
  }
}

void disk_log_directory::report_failure(std::string_view why) {
  logging::error("log",
                 "{}; this directory takes no more writes and its partitions answer "
                 "KAFKA_STORAGE_ERROR; check the device, then restart",
                 why);
}

void disk_log_directory::note_failure(std::string why) {
  if (!failure_.empty()) return;
  failure_ = std::move(why);
  report_failure(failure_);
  for (core_id core = 0; core < options_.cores; ++core) {
    if (managers_[core] != nullptr) tasks_.spawn(tell_of_failure(core, *managers_[core]));
  }
  if (on_failure) on_failure(failure_);
}

// Sent before the answer to the manager's leave(): it is still there.
task<> disk_log_directory::tell_of_failure(core_id core, disk_log_manager& manager) {
  co_await submit_to(core, [this, &manager] { manager.refuse_writes(failure_); });
}

void disk_log_directory::claim(core_id core, std::vector<log_id> const& logs, journal& taken) {
  claimed_.insert(logs.begin(), logs.end());
  journals_[core] = &taken;
}

// A log that nobody took, or that is damaged, has its state only in its old journal: that stays.
std::set<std::string> disk_log_directory::journals_to_keep() const {
  std::set<std::string> kept;
  auto keep = [&kept](journal_window const& window) {
    kept.insert(window.paths.begin(), window.paths.end());
  };
  std::size_t unclaimed = 0;
  for (auto const& log : report_.logs) {
    if (claimed_.contains(log.id)) continue;
    ++unclaimed;
    keep(recovered_.windows[recovered_.logs.at(log.id).window]);
  }
  for (auto const& window : recovered_.windows) {
    if (!recovered_.damage.empty() && !window.damage.empty()) keep(window);
  }
  if (unclaimed != 0) {
    logging::warn("log",
                  "{} logs in {} are damaged or belong to no known partition; they and their "
                  "journals are kept: remove their directories if they are not needed",
                  unclaimed, options_.path);
  }
  return kept;
}

task<expected<void, error>> disk_log_directory::hand_over(core_id core,
                                                          std::vector<spare_journal_file> files,
                                                          std::vector<std::string>& unused) {
  auto* taker = journals_[core];
  if (taker == nullptr) {
    for (auto& file : files) unused.push_back(std::move(file.path));
    co_return expected<void, error>{};
  }
  auto left = co_await submit_to(core, [taker, &files] { return taker->complete(files); });
  if (!left) co_return std::unexpected(left.error());
  for (auto& file : *left) unused.push_back(std::move(file.path));
  co_return expected<void, error>{};
}

task<expected<void, error>> disk_log_directory::finish_recovery() {
  auto const kept = journals_to_keep();
  // Before the first old file goes, so that what is left of them is never taken for damage.
  for (core_id core = 0; core < options_.cores; ++core) {
    auto* settling = journals_[core];
    if (settling == nullptr) continue;
    auto settled = co_await submit_to(core, [settling] { return settling->settle(); });
    if (!settled) co_return settled;
  }
  std::vector<std::vector<spare_journal_file>> handed(options_.cores);
  std::vector<std::string> unused;
  for (auto const& old : recovered_.journal_files) {
    if (reused_.contains(old.file.path)) continue;
    if (kept.contains(old.file.path)) {
      report_.journal_bytes += old.file_bytes;
    } else if (fits(old)) {
      handed[old.core].push_back(old.file);
    } else {
      unused.push_back(old.file.path);
    }
  }
  for (core_id core = 0; core < options_.cores; ++core) {
    auto done = co_await hand_over(core, std::move(handed[core]), unused);
    if (!done) co_return done;
  }
  report_.journal_bytes +=
      options_.journal_file_bytes * options_.journal_files * std::uint64_t{options_.cores};
  for (auto const& path : unused) {
    auto gone = co_await unlink_file(path);
    if (!gone && gone.error() != karst::errc::not_found) {
      co_return fail(gone.error(), "check permissions", "cannot remove old journal {}: {}", path,
                     describe(gone.error()));
    }
  }
  if (auto synced = co_await sync_directory(options_.path); !synced) {
    co_return fail(synced.error(), "check the device", "cannot sync {}: {}", options_.path,
                   describe(synced.error()));
  }
  closed_clean_ = true;
  co_return expected<void, error>{};
}

offset disk_log_directory::cleaned_at_start(std::string const& topic,
                                            std::int32_t partition) const {
  auto known = cleaned_at_start_.find({topic, partition});
  return known == cleaned_at_start_.end() ? no_offset : known->second;
}

void disk_log_directory::note_cleaned(offset_checkpoint at) {
  if (at.at == no_offset) {
    cleaned_.erase({at.topic, at.partition});
  } else {
    cleaned_[{at.topic, at.partition}] = at.at;
  }
  cleaned_changed_ = true;
  if (!writing_cleaned_) tasks_.spawn(write_cleaned());
}

// One at a time; what changes meanwhile is in the next.
task<> disk_log_directory::write_cleaned() {
  writing_cleaned_ = true;
  auto const path = options_.path + "/" + std::string{cleaner_file};
  while (std::exchange(cleaned_changed_, false)) {
    std::vector<offset_checkpoint> entries;
    for (auto const& [name, at] : cleaned_) entries.push_back({name.first, name.second, at});
    if (auto done = co_await write_file_atomically(path, encode_offsets(entries)); !done) {
      logging::warn("log", "cannot write {}: {}; logs may be compacted again after the next start",
                    path, describe(done.error()));
    }
  }
  writing_cleaned_ = false;
}

void disk_log_directory::note_closed(std::vector<offset_checkpoint> ends,
                                     std::vector<offset_checkpoint> starts, bool clean) {
  ends_.insert(ends_.end(), ends.begin(), ends.end());
  starts_.insert(starts_.end(), starts.begin(), starts.end());
  closed_clean_ = closed_clean_ && clean;
}

task<expected<void, error>> disk_log_directory::close() {
  auto released = std::move(lock_);  // at the end of this call, whatever its outcome
  stop_.request();
  co_await tasks_.join();
  if (!closed_clean_) co_return expected<void, error>{};
  // What Kafka expects to find after a clean stop.
  auto const prefix = options_.path + "/";
  std::vector<std::pair<std::string_view, std::string>> files{
      {recovery_point_file, encode_offsets(ends_)},
      {replication_file, encode_offsets(ends_)},
      {log_start_file, encode_offsets(starts_)},
      {clean_shutdown_file, "{\"version\":0,\"brokerEpoch\":-1}"}};
  for (auto& [name, content] : files) {
    auto path = prefix + std::string{name};
    if (auto done = co_await write_file_atomically(path, std::move(content)); !done) {
      co_return fail(done.error(), "check the device", "cannot write {}: {}", path,
                     describe(done.error()));
    }
  }
  co_return expected<void, error>{};
}

}  // namespace karst::log
