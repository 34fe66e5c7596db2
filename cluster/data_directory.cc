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

task<expected<void, start_failure>> make_directories(std::string path) {
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
    co_return cannot_start(
        error{outcome.error(),
              fmt::format("cannot make the data directory {}: {}", path, describe(outcome.error())),
              outcome.error() == errc::permission
                  ? "make the parent writable for this user, or choose another log.dirs"
                  : "choose another log.dirs"});
  }
  co_return expected<void, start_failure>{};
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

task<expected<void, start_failure>> check_content(std::string path) {
  auto names = co_await list_directory(path);
  if (!names) {
    auto code = names.error();
    co_return cannot_start(
        error{code, fmt::format("cannot read the data directory {}: {}", path, describe(code)),
              code == errc::permission ? "make it readable and writable for this user, or choose "
                                         "another log.dirs"
                                       : "choose another log.dirs"});
  }
  auto is_ours = std::ranges::find(*names, "karst-tree-snapshot") != names->end();
  auto kafka = std::ranges::find_if(*names, is_kafka_name);
  if (is_ours || kafka == names->end()) co_return expected<void, start_failure>{};
  auto lost_tree = std::ranges::any_of(
      *names, [](std::string const& name) { return name.starts_with("karst-journal-"); });
  if (lost_tree) {
    co_return cannot_start(error{
        errc::corrupt,
        fmt::format("{} has records of Karst, but karst-tree-snapshot, which says what topics "
                    "exist, is missing",
                    path),
        "restore that file from a backup"});
  }
  co_return cannot_start(
      exit_status::unsupported_directory,
      error{errc::unsupported,
            fmt::format("{} was written by Apache Kafka (it has {}): Karst cannot take over such a "
                        "directory yet",
                        path, *kafka),
            "choose another log.dirs"});
}

expected<std::int32_t, start_failure> choose_broker_id(broker_config const& config,
                                                       std::string const& path,
                                                       std::optional<meta_properties> const& meta) {
  auto configured = static_cast<std::int32_t>(config.number("broker.id"));
  auto stored = meta ? meta->broker_id : std::nullopt;
  if (configured >= 0 && stored && *stored != configured) {
    return cannot_start(
        exit_status::wrong_identity,
        error{errc::invalid,
              fmt::format("{} belongs to broker {}, but broker.id is {} ({})", path, *stored,
                          configured, config.set_value("broker.id")->where),
              "set broker.id to the directory's, or choose another log.dirs"});
  }
  if (configured >= 0) return configured;
  return stored.value_or(first_generated_broker_id);
}

}  // namespace

expected<std::string, start_failure> check_one_directory(broker_config const& config) {
  auto paths = config.list(config.set_value("log.dirs") != nullptr ? "log.dirs" : "log.dir");
  if (paths.size() == 1) return paths.front();
  return cannot_start(
      exit_status::unsupported_directory,
      error{errc::unsupported,
            fmt::format("log.dirs names {} directories: Karst uses one for now", paths.size()),
            "name one directory"});
}

task<expected<data_directory, start_failure>> find_data_directory(broker_config const& config) {
  auto path = check_one_directory(config);
  if (!path) co_return std::unexpected<start_failure>(path.error());
  data_directory found{.path = *path};
  while (found.path.size() > 1 && found.path.ends_with('/')) found.path.pop_back();
  if (auto made = co_await make_directories(found.path); !made) {
    co_return std::unexpected<start_failure>(made.error());
  }
  if (auto checked = co_await check_content(found.path); !checked) {
    co_return std::unexpected<start_failure>(checked.error());
  }
  auto meta = co_await read_meta_properties(found.path);
  if (!meta) co_return cannot_start(meta.error());
  found.meta = std::move(*meta);
  auto id = choose_broker_id(config, found.path, found.meta);
  if (!id) co_return std::unexpected<start_failure>(id.error());
  found.broker_id = *id;
  co_return std::move(found);
}

expected<void, start_failure> check_cluster_id(data_directory const& directory,
                                               std::string const& tree_cluster_id) {
  if (!directory.meta || !directory.meta->cluster_id ||
      *directory.meta->cluster_id == tree_cluster_id) {
    return {};
  }
  return cannot_start(
      exit_status::wrong_identity,
      error{
          errc::invalid,
          fmt::format("{}/meta.properties belongs to cluster {}, but the coordination tree beside "
                      "it to cluster {}",
                      directory.path, *directory.meta->cluster_id, tree_cluster_id),
          "restore the file that belongs here, or choose another log.dirs"});
}

}  // namespace karst::cluster
