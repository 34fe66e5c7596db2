#include "cluster/log_directories.h"

#include "cluster/coordination.h"
#include "reactor/base/logging.h"
#include "reactor/core.h"
#include "reactor/file_facts.h"

namespace karst::cluster {
namespace {

// What a new partition is reckoned with until it shows its real size: the largest step of
// preallocation.
constexpr std::uint64_t partition_bytes = 16 * MiB;
// Differences in free bytes that decide nothing: volumes are written to all the time.
constexpr std::uint64_t about_the_same = 64 * MiB;

}  // namespace

std::optional<std::vector<directory_index>> choose_directories(std::vector<directory_room> rooms,
                                                               std::size_t count) {
  std::vector<directory_index> chosen;
  while (chosen.size() < count) {
    std::uint64_t most = 0;
    for (auto const& room : rooms) {
      if (room.in_service) most = std::max(most, room.free_bytes);
    }
    auto const enough = most - std::min(about_the_same, most / 16);
    directory_room* best = nullptr;
    for (auto& room : rooms) {
      if (!room.in_service || room.free_bytes < enough) continue;
      if (best == nullptr || room.partitions < best->partitions) best = &room;
    }
    if (best == nullptr) return std::nullopt;
    best->free_bytes -= std::min(best->free_bytes, partition_bytes);
    ++best->partitions;
    chosen.push_back(static_cast<directory_index>(best - rooms.data()));
  }
  return chosen;
}

task<expected<void, start_failure>> log_directories::open(data_directories const& found,
                                                          log::directory_options shared) {
  auto const usable = std::ranges::count_if(
      found.all, [](data_directory const& each) { return !each.problem.has_value(); });
  shared.memory_bytes /= static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(usable, 1));
  shared.descriptors /= static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(usable, 1));
  for (std::size_t i = 0; i < found.all.size(); ++i) {
    auto const& each = found.all[i];
    auto& entry = all_.emplace_back();
    entry.path = each.path;
    if (each.meta && each.meta->directory_id) entry.id = *each.meta->directory_id;
    auto problem = each.problem;
    if (!problem) {
      shared.path = each.path;
      auto opened = co_await log::log_directory::open(shared);
      if (opened) {
        entry.logs = std::move(*opened);
        continue;
      }
      problem = opened.error();
      if (i == found.tree || problem->code == errc::busy) co_return cannot_start(*problem);
    }
    take_offline(static_cast<directory_index>(i), problem->message());
  }
  for (std::size_t i = 0; i < all_.size(); ++i) watch(static_cast<directory_index>(i));
  co_return expected<void, start_failure>{};
}

void log_directories::watch(directory_index directory) {
  auto& entry = all_[directory];
  if (!entry.logs) return;
  entry.logs->on_failure = [this, directory](std::string const& failure) {
    all_[directory].offline = failure;
    if (on_offline) on_offline(directory);
  };
}

task<expected<void, start_failure>> log_directories::identify(data_directories const& found,
                                                              std::string const& cluster_id) {
  for (std::size_t i = 0; i < all_.size(); ++i) {
    auto& entry = all_[i];
    if (!entry.offline.empty()) continue;
    if (entry.id.empty()) {
      auto& clock = core::current().clock();
      entry.id = to_string(make_uuid(clock.random(), clock.random()));
    }
    meta_properties meta{.broker_id = found.broker_id, .cluster_id = cluster_id};
    meta.directory_id = entry.id;
    auto const& before = found.all[i].meta;
    if (before && before->broker_id == meta.broker_id && before->cluster_id == meta.cluster_id &&
        before->directory_id == meta.directory_id) {
      continue;
    }
    auto written = co_await write_meta_properties(entry.path, std::move(meta));
    if (written) continue;
    if (i == found.tree) co_return cannot_start(written.error());
    take_offline(static_cast<directory_index>(i), written.error().message());
  }
  co_return expected<void, start_failure>{};
}

std::vector<log_directory_node> log_directories::present() const {
  std::vector<log_directory_node> nodes;
  for (auto const& entry : all_) {
    if (!entry.id.empty()) nodes.push_back({entry.id, entry.path});
  }
  return nodes;
}

task<expected<void, error>> log_directories::store(coordination& tree, std::int32_t broker,
                                                   std::vector<log_directory_node> const& nodes) {
  std::vector<node_operation> change;
  for (auto const* path : {tree_path::own, tree_path::log_directories}) {
    if (!co_await tree.get(path)) change.push_back(create_node{path, {}});
  }
  auto const path = tree_path::log_directories_of(broker);
  if (co_await tree.get(path)) {
    change.push_back(set_node{path, to_json(nodes), any_version});
  } else {
    change.push_back(create_node{path, to_json(nodes)});
  }
  if (auto written = co_await tree.multi(std::move(change)); !written) {
    co_return fail(errc::io_error, "check the disk of the data directory",
                   "cannot write the coordination tree: {}", describe(written.error()));
  }
  co_return expected<void, error>{};
}

task<expected<void, start_failure>> log_directories::note_in_tree(coordination& tree,
                                                                  std::int32_t broker) {
  auto stored = co_await tree.get(tree_path::log_directories_of(broker));
  auto before = stored ? parse_log_directories(stored->data) : std::vector<log_directory_node>{};
  if (!before) {
    co_return cannot_start(error{errc::corrupt,
                                 "the coordination tree has no readable list of log directories",
                                 "restore the coordination tree from a backup"});
  }
  auto nodes = present();
  for (auto const& old : *before) {
    if (std::ranges::find(nodes, old.id, &log_directory_node::id) != nodes.end()) continue;
    // One that cannot be read has no id now: it is known by its path.
    auto same_path = std::ranges::find(all_, old.path, &log_directory_entry::path);
    auto const unread = same_path != all_.end() && same_path->id.empty();
    if (unread) same_path->id = old.id;
    if (!unread) missing_.push_back(old);
    nodes.push_back(old);
  }
  for (auto const& each : missing_) {
    auto replaced = std::ranges::find(all_, each.path, &log_directory_entry::path) != all_.end();
    logging::warn("broker", "log directory {} (directory.id {}) is missing: {}", each.path, each.id,
                  replaced ? "another one is there now" : "log.dirs does not name it any more");
  }
  if (nodes == *before) co_return expected<void, start_failure>{};
  auto written = co_await store(tree, broker, nodes);
  if (!written) co_return cannot_start(written.error());
  co_return expected<void, start_failure>{};
}

task<> log_directories::forget_missing(coordination& tree, std::int32_t broker) {
  if (missing_.empty() || any_offline()) co_return;
  if (auto written = co_await store(tree, broker, present()); !written) co_return;
  for (auto const& each : missing_) {
    logging::info("broker", "log directory {} is no longer of this node: no partition lacks it",
                  each.path);
  }
  missing_.clear();
}

std::size_t log_directories::in_service() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      all_, [](log_directory_entry const& entry) { return entry.offline.empty(); }));
}

std::string log_directories::why_not_anew() const {
  for (auto const& entry : all_) {
    if (!entry.offline.empty()) return fmt::format("{} is offline ({})", entry.path, entry.offline);
    if (!entry.logs->report().damage.empty()) {
      return fmt::format("{}: {}", entry.path, entry.logs->report().damage);
    }
  }
  if (missing_.empty()) return {};
  return fmt::format("log directory {} is missing; name it in log.dirs again, or delete the topics",
                     missing_.front().path);
}

void log_directories::take_offline(directory_index directory, std::string why) {
  auto& entry = all_[directory];
  if (!entry.offline.empty()) return;
  if (entry.logs) {
    entry.logs->take_offline(std::move(why));
    return;
  }
  entry.offline = std::move(why);
  logging::error("broker",
                 "log directory {} is offline: {}; its partitions answer KAFKA_STORAGE_ERROR until "
                 "a restart that can use it",
                 entry.path, entry.offline);
}

std::optional<std::vector<directory_index>> log_directories::choose(std::size_t count) {
  std::vector<directory_room> rooms;
  for (auto const& entry : all_) {
    auto space = free_space(entry.path);
    rooms.push_back({.in_service = entry.offline.empty(),
                     .free_bytes = space ? space->available_bytes : 0,
                     .partitions = entry.partitions});
  }
  auto chosen = choose_directories(std::move(rooms), count);
  if (!chosen) return std::nullopt;
  for (auto directory : *chosen) ++all_[directory].partitions;
  return chosen;
}

task<expected<void, error>> log_directories::close() {
  expected<void, error> outcome;
  for (auto& entry : all_) {
    if (!entry.logs) continue;
    auto closed = co_await entry.logs->close();
    if (!closed && outcome) outcome = closed;
  }
  co_return outcome;
}

}  // namespace karst::cluster
