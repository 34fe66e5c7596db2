// The part of a start that brings the logs of all directories back (STORAGE.md 5), and decides what
// becomes of partitions whose logs are not there.
#include "cluster/broker_life.h"
#include "cluster/every_core.h"
#include "cluster/progress_report.h"
#include "reactor/base/logging.h"

namespace karst::cluster {
namespace {

// Partitions that one line names; the rest are counted.
constexpr std::size_t names_shown = 5;

}  // namespace

void broker_life::place_found(partition_metadata& partition, log::found_log const& found,
                              directory_index directory) {
  partition.core = placement_->place_near(found.last_core, most_on_core_);
  partition.log = found.id;
  partition.directory = directory;
  parts_[partition.core]->found[directory].push_back(partition.log);
  ++broker_->directories_->at(directory).partitions;
}

void broker_life::place_new(topic_metadata const& topic, partition_metadata& partition) {
  auto& directories = *broker_->directories_;
  auto chosen = directories.choose(1);
  if (!chosen) return partition.go_offline(found_.broker_id);
  partition.directory = chosen->front();
  logging::warn("broker", "the log of {}-{} is in no log directory: it begins empty in {}",
                topic.name, partition.index, directories.at(partition.directory).path);
  partition.core = placement_->place();
  partition.log = log::log_id{core::current().clock().random()};
  parts_[partition.core]->missing.push_back(
      {.directory = partition.directory,
       .log = partition.log,
       .topic = topic.name,
       .index = partition.index,
       .topic_id = topic.id,
       .epoch = partition.leader_epoch,
       .config = make_log_config(options_.config, topic.overrides)});
}

void broker_life::add_logs(topic_metadata& topic, bool deleting) {
  auto config = make_log_config(options_.config, topic.overrides);
  config.from_reserve = topic.internal;
  auto const& found_logs = found_by_topic_[topic.id];
  auto const whole = broker_->directories_->why_not_anew().empty();
  for (auto& partition : topic.partitions) {
    auto is_it = [&](placed_log const& found) { return found.log.partition == partition.index; };
    auto found = std::ranges::find_if(found_logs, is_it);
    if (found == found_logs.end()) {
      if (!whole) {
        // Never begun anew while its records may lie in what cannot be read.
        if (!deleting) not_found_.push_back(fmt::format("{}-{}", topic.name, partition.index));
        partition.go_offline(found_.broker_id);
      } else if (!deleting) {
        place_new(topic, partition);
      }
      continue;
    }
    auto second = std::find_if(std::next(found), found_logs.end(), is_it);
    if (second != found_logs.end()) {
      auto& directories = *broker_->directories_;
      logging::error("broker",
                     "{}-{} is offline: it is both in {} and in {}; move the copy that is not "
                     "wanted away and restart",
                     topic.name, partition.index, directories.at(found->directory).path,
                     directories.at(second->directory).path);
      partition.go_offline(found_.broker_id);
      continue;
    }
    place_found(partition, found->log, found->directory);
    parts_[partition.core]->known[partition.log] = {partition.leader_epoch, config};
    if (deleting) parts_[partition.core]->deletions.push_back(partition.log);
  }
}

void broker_life::report_not_found() const {
  if (not_found_.empty()) return;
  auto shown = fmt::format(
      "{}", fmt::join(not_found_.begin(),
                      not_found_.begin() +
                          static_cast<std::ptrdiff_t>(std::min(names_shown, not_found_.size())),
                      ", "));
  if (not_found_.size() > names_shown) {
    shown += fmt::format(" and {} more", not_found_.size() - names_shown);
  }
  logging::error("broker",
                 "{} partitions are offline, because their logs are not found, and they are not "
                 "begun anew: {}; {}",
                 not_found_.size(), shown, broker_->directories_->why_not_anew());
}

void broker_life::place_logs() {
  auto& directories = broker_->directories_->all();
  placement_ = std::make_unique<placement>(options_.cores);
  for (core_id core = 0; core < options_.cores; ++core) {
    auto& part = *parts_.emplace_back(std::make_unique<core_part>());
    part.found.resize(directories.size());
    part.problems.resize(directories.size());
  }
  std::size_t all = 0;
  for (std::size_t i = 0; i < directories.size(); ++i) {
    if (!directories[i].offline.empty()) continue;
    for (auto const& found : directories[i].logs->report().logs) {
      found_by_topic_[found.topic_id].push_back({static_cast<directory_index>(i), found});
      ++all;
    }
  }
  most_on_core_ = (all + options_.cores - 1) / options_.cores;
  for (auto& topic : stored_.topics) add_logs(topic, false);
  for (auto& topic : stored_.deletions) add_logs(topic, true);
  report_not_found();
}

task<> broker_life::start_core(core_id core) {
  auto& directories = broker_->directories_->all();
  std::vector<std::unique_ptr<log::log_manager>> managers(directories.size());
  for (std::size_t i = 0; i < directories.size(); ++i) {
    if (!directories[i].offline.empty()) continue;
    auto started = co_await log::log_manager::start(*directories[i].logs);
    if (started) {
      managers[i] = std::move(*started);
    } else {
      parts_[core]->problems[i] = started.error();
    }
  }
  auto partitions = std::make_unique<partition_manager>(std::move(managers));
  for (auto const& ids : parts_[core]->found) {
    for (auto id : ids) partitions->awaited().expect(id);
  }
  for (auto const& each : parts_[core]->missing) partitions->awaited().expect(each.log);
  broker_->local().partitions = std::move(partitions);
  broker_->open_groups(plan_.group_bytes);
}

broker_life::outcome broker_life::settle_directories() {
  auto& directories = *broker_->directories_;
  std::vector<std::optional<error>> problems(directories.all().size());
  auto left = false;
  for (std::size_t i = 0; i < problems.size(); ++i) {
    for (auto const& part : parts_) {
      if (!problems[i]) problems[i] = part->problems[i];
    }
    left = left || (!problems[i] && directories.all()[i].offline.empty());
  }
  if (!left) {
    auto first = std::ranges::find_if(problems, [](auto const& each) { return each.has_value(); });
    if (first != problems.end()) return cannot_start(**first);
    return cannot_start(error{errc::io_error, directories.all().front().offline,
                              "check the device and start again"});
  }
  for (std::size_t i = 0; i < problems.size(); ++i) {
    if (!problems[i]) continue;
    directories.take_offline(static_cast<directory_index>(i), problems[i]->message());
  }
  return {};
}

// Each log is served from the moment in which it is ready.
task<> broker_life::recover_directory(core_id core, directory_index directory) {
  auto& part = *parts_[core];
  auto& partitions = *broker_->local().partitions;
  auto* logs = partitions.logs(directory);
  if (logs != nullptr && logs->failure().empty()) {
    auto adopt = [&part, &partitions, directory](log::partition_log& log) {
      auto const& known = part.known.at(log.id());
      partitions.adopt(directory, log, known.epoch, known.config);
    };
    auto recovered =
        co_await logs->recover(part.found[directory], adopt, progress_report("recovering logs"));
    if (!recovered) part.problems[directory] = recovered.error();
  }
  // Those that were not adopted will not come.
  for (auto id : part.found[directory]) partitions.awaited().settle(id);
}

task<> broker_life::recover_core(core_id core) {
  auto& part = *parts_[core];
  auto& partitions = *broker_->local().partitions;
  {
    task_set recovering;
    for (std::size_t i = 0; i < part.found.size(); ++i) {
      recovering.spawn(recover_directory(core, static_cast<directory_index>(i)));
    }
    co_await recovering.join();
  }
  std::vector<new_partition> missing = part.missing;
  if (auto created = co_await partitions.create_all(std::move(missing)); !created) {
    logging::error("broker", "{}; what could not be created is offline until the next start",
                   created.error().message());
  }
  partitions.awaited().end();
  for (auto id : part.deletions) {
    if (auto removed = co_await partitions.remove(id); removed) continue;
    part.unserved[id] = true;
  }
  // In the background: the other partitions of this core are served meanwhile.
  broker_->groups().load_all();
}

// What is damaged, or in a directory that has failed.
task<> broker_life::check_served(core_id core) {
  auto& part = *parts_[core];
  auto& partitions = *broker_->local().partitions;
  for (auto const& ids : part.found) {
    for (auto id : ids) {
      auto const gone = std::ranges::find(part.deletions, id) != part.deletions.end();
      if (!gone && partitions.find(id) == nullptr) part.unserved[id] = true;
    }
  }
  for (auto const& each : part.missing) {
    if (partitions.find(each.log) == nullptr) part.unserved[each.log] = true;
  }
  co_return;
}

task<> broker_life::finish_recovery() {
  auto& directories = *broker_->directories_;
  for (std::size_t i = 0; i < directories.all().size(); ++i) {
    auto& entry = directories.all()[i];
    if (!entry.offline.empty()) continue;
    auto finished = co_await entry.logs->finish_recovery();
    if (!finished) {
      directories.take_offline(static_cast<directory_index>(i), finished.error().message());
    }
  }
}

broker_life::outcome broker_life::check_batch_limit() const {
  auto most = static_cast<std::int64_t>(broker_->partitions().max_batch_bytes());
  auto wanted = options_.config.number("message.max.bytes");
  // With a journal too small for the default, larger batches are refused one by one.
  if (wanted <= most || options_.config.set_value("message.max.bytes") == nullptr) return {};
  return cannot_start(
      exit_status::bad_configuration,
      error{errc::invalid,
            fmt::format("message.max.bytes={} is more than half a journal file holds, {}", wanted,
                        most),
            fmt::format("set karst.journal.file.bytes to {} or more", 2 * wanted + 32 * 1024)});
}

// Connections are served from the middle of it on: records for a log that is not ready yet wait for
// it; what else asks for it is answered that it has no leader here, which clients try again; and
// topics are neither made nor deleted before the end.
task<broker_life::outcome> broker_life::recover() {
  place_logs();
  co_await on_every_core(options_.cores, [this](core_id core) { return start_core(core); });
  if (auto started = settle_directories(); !started) co_return started;
  if (auto fits = check_batch_limit(); !fits) co_return fits;
  broker_->producer_ids_ = std::make_unique<producer_ids>(*tree_, found_.broker_id);
  co_await publish_topics();
  server_->start();
  co_await on_every_core(options_.cores, [this](core_id core) { return recover_core(core); });
  if (auto recovered = settle_directories(); !recovered) co_return recovered;
  co_await finish_recovery();
  if (auto recovered = settle_directories(); !recovered) co_return recovered;
  co_await on_every_core(options_.cores, [this](core_id core) { return check_served(core); });
  co_return co_await open_controller();
}

task<broker_life::outcome> broker_life::open_controller() {
  auto& directories = *broker_->directories_;
  auto controller =
      std::make_unique<topics>(*broker_, *tree_, *placement_, stored_.controller_epoch);
  co_await complete_deletions(*controller);
  auto unserved = [this](partition_metadata const& partition) {
    return partition.core != no_core && parts_[partition.core]->unserved.contains(partition.log);
  };
  co_await controller->mark_offline(unserved);
  if (not_found_.empty()) co_await directories.forget_missing(*tree_, found_.broker_id);
  broker_->topics_ = std::move(controller);
  directories.on_offline = [this](directory_index directory) {
    broker_->topics_->directory_failed(directory);
  };
  for (std::size_t i = 0; i < directories.all().size(); ++i) {
    if (!directories.all()[i].offline.empty()) {
      broker_->topics_->directory_failed(static_cast<directory_index>(i));
    }
  }
  note_facts();
  stored_ = {};
  parts_.clear();
  found_by_topic_.clear();
  co_return outcome{};
}

void broker_life::note_facts() {
  for (auto const& entry : broker_->directories_->all()) {
    facts_.directories.push_back(
        {entry.path, entry.offline, entry.logs ? entry.logs->report() : log::directory_report{}});
  }
}

// A deletion ends with the directories that may still hold something of the topic; without those
// that log.dirs does not name any more.
task<> broker_life::complete_deletions(topics& controller) {
  auto undone = [this](partition_metadata const& partition) {
    if (partition.offline && partition.core == no_core) {
      return broker_->directories_->any_offline();
    }
    return partition.core != no_core && parts_[partition.core]->unserved.contains(partition.log);
  };
  for (auto const& topic : stored_.deletions) {
    if (std::ranges::any_of(topic.partitions, undone)) {
      logging::warn("broker",
                    "the deletion of topic {} is not complete: a log directory that may hold some "
                    "of it is offline",
                    topic.name);
      continue;
    }
    auto removed = co_await controller.complete_removal(topic);
    if (removed) {
      logging::info("broker", "completed the deletion of topic {}", topic.name);
    } else {
      logging::error("broker", "cannot complete the deletion of topic {}: {}", topic.name,
                     removed.error().message);
    }
  }
}

task<> broker_life::publish_topics() {
  auto snapshot = std::make_shared<metadata_snapshot>();
  auto const& identity = broker_->identity();
  snapshot->version = 1;
  snapshot->cluster_id = identity.cluster_id;
  snapshot->controller_id = identity.id;
  snapshot->brokers.push_back({identity.id, identity.host, identity.port, identity.rack});
  for (auto& topic : stored_.topics) {
    facts_.partitions += topic.partitions.size();
    auto shared = std::make_shared<topic_metadata const>(std::move(topic));
    snapshot->topics[shared->name] = shared;
    snapshot->topics_by_id[shared->id] = shared;
  }
  facts_.topics = snapshot->topics.size();
  co_await broker_->publish(std::move(snapshot));
}

}  // namespace karst::cluster
