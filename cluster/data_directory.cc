#include "cluster/data_directory.h"

#include "reactor/file.h"

namespace karst::cluster {
namespace {

// What Kafka takes when broker.id is left to it (reserved.broker.max.id + 1).
constexpr std::int32_t first_generated_broker_id = 1001;

std::string parent_of(std::string const& path) {
  auto slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

task<expected<void, error>> make_directories(std::string path) {
  auto outcome = co_await make_directory(path);
  if (!outcome && outcome.error() == errc::not_found) {
    auto slash = path.find_last_of('/');
    if (slash != std::string::npos && slash != 0) {
      auto parent = co_await make_directories(path.substr(0, slash));
      if (!parent) co_return parent;
      outcome = co_await make_directory(path);
    }
  }
  // A power cut must not take the directory with all that is acknowledged in it.
  if (outcome) outcome = co_await sync_directory(parent_of(path));
  if (!outcome && outcome.error() != errc::exists) {
    co_return fail(outcome.error(),
                   outcome.error() == errc::permission
                       ? "make the parent writable for this user, or choose another log.dirs"
                       : "choose another log.dirs",
                   "cannot make the data directory {}: {}", path, describe(outcome.error()));
  }
  co_return expected<void, error>{};
}

// "topic-0" and the checkpoints: what a Kafka broker leaves in its directory.
bool is_kafka_name(std::string_view name) {
  auto dash = name.rfind('-');
  auto digits = dash == std::string_view::npos ? std::string_view{} : name.substr(dash + 1);
  auto is_partition = dash != 0 && !digits.empty() &&
                      digits.find_first_not_of("0123456789") == std::string_view::npos &&
                      !name.starts_with("karst-");
  return is_partition || name.ends_with("-checkpoint") || name == "meta.properties" ||
         name == ".kafka_cleanshutdown";
}

// What is in it. The error is of a directory that is whole but not ours.
task<expected<void, start_failure>> look_into(data_directory& directory) {
  auto const& path = directory.path;
  if (auto made = co_await make_directories(path); !made) {
    directory.problem = made.error();
    co_return expected<void, start_failure>{};
  }
  auto names = co_await list_directory(path);
  if (!names) {
    auto code = names.error();
    directory.problem =
        error{code, fmt::format("cannot read the data directory {}: {}", path, describe(code)),
              code == errc::permission ? "make it readable and writable for this user, or choose "
                                         "another log.dirs"
                                       : "choose another log.dirs"};
    co_return expected<void, start_failure>{};
  }
  directory.has_tree = std::ranges::find(*names, "karst-tree-snapshot") != names->end();
  directory.has_records = std::ranges::any_of(
      *names, [](std::string const& name) { return name.starts_with("karst-journal-"); });
  auto meta = co_await read_meta_properties(path);
  if (!meta && meta.error().code == errc::corrupt) co_return cannot_start(meta.error());
  if (!meta) {
    directory.problem = meta.error();
    co_return expected<void, start_failure>{};
  }
  directory.meta = std::move(*meta);
  auto kafka = std::ranges::find_if(*names, is_kafka_name);
  if (kafka == names->end()) co_return expected<void, start_failure>{};
  auto is_ours = directory.has_tree || directory.has_records ||
                 (directory.meta && directory.meta->directory_id && *kafka == "meta.properties");
  if (is_ours) co_return expected<void, start_failure>{};
  co_return cannot_start(
      exit_status::unsupported_directory,
      error{errc::unsupported,
            fmt::format("{} was written by Apache Kafka (it has {}): Karst cannot take over such a "
                        "directory yet",
                        path, *kafka),
            "choose another log.dirs"});
}

expected<void, start_failure> check_tree(data_directories& found) {
  auto has_tree = [](data_directory const& each) { return each.has_tree; };
  auto first = std::ranges::find_if(found.all, has_tree);
  if (first != found.all.end()) {
    found.tree = static_cast<std::size_t>(first - found.all.begin());
    auto second = std::find_if(std::next(first), found.all.end(), has_tree);
    if (second == found.all.end()) return {};
    return cannot_start(
        exit_status::wrong_identity,
        error{errc::invalid,
              fmt::format("both {} and {} have a coordination tree (karst-tree-snapshot): they are "
                          "of two nodes, or one is a copy",
                          first->path, second->path),
              "leave only the directories of one node in log.dirs"});
  }
  // An offline one may have it: then this is no fresh node.
  for (auto const& each : found.all) {
    if (each.problem) return cannot_start(*each.problem);
  }
  auto lost = std::ranges::find_if(found.all, &data_directory::has_records);
  if (lost == found.all.end()) return {};
  return cannot_start(error{
      errc::corrupt,
      fmt::format("{} has records of Karst, but karst-tree-snapshot, which says what topics "
                  "exist, is missing{}",
                  lost->path, found.all.size() == 1 ? "" : " in every directory of log.dirs"),
      found.all.size() == 1 ? "restore that file from a backup, or name all of the node's log.dirs"
                            : "restore that file from a backup"});
}

expected<void, start_failure> choose_broker_id(broker_config const& config,
                                               data_directories& found) {
  auto const configured = static_cast<std::int32_t>(config.number("broker.id"));
  data_directory const* stored = nullptr;
  for (auto const& each : found.all) {
    if (!each.meta || !each.meta->broker_id) continue;
    if (configured >= 0 && *each.meta->broker_id != configured) {
      return cannot_start(exit_status::wrong_identity,
                          error{errc::invalid,
                                fmt::format("{} belongs to broker {}, but broker.id is {} ({})",
                                            each.path, *each.meta->broker_id, configured,
                                            config.set_value("broker.id")->where),
                                "set broker.id to the directory's, or choose another log.dirs"});
    }
    if (stored != nullptr && *stored->meta->broker_id != *each.meta->broker_id) {
      return cannot_start(
          exit_status::wrong_identity,
          error{errc::invalid,
                fmt::format(
                    "{}/meta.properties belongs to broker {}, but {}/meta.properties to broker {}",
                    stored->path, *stored->meta->broker_id, each.path, *each.meta->broker_id),
                "leave only the directories of one node in log.dirs"});
    }
    if (stored == nullptr) stored = &each;
  }
  found.broker_id = configured >= 0     ? configured
                    : stored != nullptr ? *stored->meta->broker_id
                                        : first_generated_broker_id;
  return {};
}

expected<void, start_failure> check_one_cluster(data_directories const& found) {
  data_directory const* first = nullptr;
  for (auto const& each : found.all) {
    if (!each.meta || !each.meta->cluster_id) continue;
    if (first == nullptr) first = &each;
    if (*each.meta->cluster_id == *first->meta->cluster_id) continue;
    return cannot_start(
        exit_status::wrong_identity,
        error{errc::invalid,
              fmt::format("{}/meta.properties belongs to cluster {}, but {}/meta.properties to "
                          "cluster {}",
                          first->path, *first->meta->cluster_id, each.path, *each.meta->cluster_id),
              "leave only the directories of one node in log.dirs"});
  }
  return {};
}

// Without doubled slashes, "." and a slash at the end; "a/../b" is "b".
std::string plain_path(std::string_view path) {
  std::vector<std::string_view> parts;
  auto const absolute = path.starts_with('/');
  while (!path.empty()) {
    auto const part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !absolute) {
      parts.push_back(part);
    }
  }
  auto plain = fmt::format("{}{}", absolute ? "/" : "", fmt::join(parts, "/"));
  return plain.empty() ? "." : plain;
}

}  // namespace

expected<std::vector<std::string>, start_failure> directory_paths(broker_config const& config) {
  std::vector<std::string> paths;
  for (auto const& path :
       config.list(config.set_value("log.dirs") != nullptr ? "log.dirs" : "log.dir")) {
    paths.push_back(plain_path(path));
  }
  auto refuse = [](std::string text) {
    return cannot_start(exit_status::bad_configuration,
                        error{errc::invalid, std::move(text), "correct log.dirs"});
  };
  if (paths.empty()) return refuse("log.dirs names no directory");
  for (auto const& one : paths) {
    if (std::ranges::count(paths, one) > 1) {
      return refuse(fmt::format("log.dirs names {} twice", one));
    }
    for (auto const& other : paths) {
      if (other.starts_with(one == "/" ? one : one + "/") && other != one) {
        return refuse(fmt::format("log.dirs names {} inside {}", other, one));
      }
    }
  }
  return paths;
}

task<expected<data_directories, start_failure>> find_data_directories(broker_config const& config) {
  auto paths = directory_paths(config);
  if (!paths) co_return std::unexpected<start_failure>(paths.error());
  data_directories found;
  for (auto const& path : *paths) {
    auto& directory = found.all.emplace_back(data_directory{.path = path});
    if (auto looked = co_await look_into(directory); !looked) {
      co_return std::unexpected<start_failure>(looked.error());
    }
  }
  auto checked = choose_broker_id(config, found);
  if (checked) checked = check_one_cluster(found);
  if (checked) checked = check_tree(found);
  if (!checked) co_return std::unexpected<start_failure>(checked.error());
  co_return std::move(found);
}

expected<void, start_failure> check_cluster_id(data_directories const& directories,
                                               std::string const& tree_cluster_id) {
  for (auto const& each : directories.all) {
    if (!each.meta || !each.meta->cluster_id || *each.meta->cluster_id == tree_cluster_id) continue;
    return cannot_start(
        exit_status::wrong_identity,
        error{errc::invalid,
              fmt::format("{}/meta.properties belongs to cluster {}, but the coordination tree in "
                          "{} to cluster {}",
                          each.path, *each.meta->cluster_id, directories.all[directories.tree].path,
                          tree_cluster_id),
              "restore the file that belongs here, or choose another log.dirs"});
  }
  return {};
}

}  // namespace karst::cluster
