#include "tools/start_report.h"

#include <cstdio>

#include "tools/host_facts.h"

namespace karst::tools {
namespace {

// "64 MiB", "512.0 KiB" is never needed: sizes here are settings.
std::string size_text(std::uint64_t bytes) {
  if (bytes >= GiB) return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / GiB);
  if (bytes >= MiB) return fmt::format("{} MiB", bytes / MiB);
  return fmt::format("{} KiB", bytes / KiB);
}

template <typename... Args>
void line(std::string_view label, fmt::format_string<Args...> format, Args&&... args) {
  fmt::print("  {:<18} {}\n", label, fmt::format(format, std::forward<Args>(args)...));
}

std::string durability(cluster::broker_config const& config, bool direct) {
  auto how = direct ? "written with O_DIRECT and flushed" : "written and flushed (fdatasync)";
  auto messages = config.number("log.flush.interval.messages");
  if (messages <= 1) {
    return fmt::format("an acknowledged record is on the disk: {} before the answer", how);
  }
  return fmt::format(
      "log.flush.interval.messages={}: records are acknowledged in memory; they are written at "
      "once all the same, and a power cut may lose the last of them",
      messages);
}

}  // namespace

void print_remarks(cluster::loaded_config const& loaded) {
  for (auto const& notice : loaded.notices) fmt::print(stderr, "notice: {}\n", notice);
  for (auto const& warning : loaded.warnings) fmt::print(stderr, "warning: {}\n", warning);
}

void print_settings(cluster::broker_config const& config) {
  for (auto const& [name, set] : config.set_values()) {
    // What a file repeats of the defaults would only hide what it changes.
    if (cluster::find_broker_config(name)->default_value == set.value) continue;
    line("setting", "{}={}  ({})", name, set.value, set.where);
  }
}

void print_before_start(machine const& cores, cluster::broker_options const& options) {
  fmt::print("karst {}\n", KARST_VERSION);
  line("cores", "{}", cores.core_count());
  auto const& io = cores.io();
  if (io.reason.empty()) {
    line("io", "{}", io.name);
  } else {
    line("io", "{}: {}", io.name, io.reason);
  }
  line("memory", "{}", size_text(options.memory_bytes));
  print_settings(options.config);
  std::fflush(stdout);
}

void print_after_start(cluster::broker_life& life) {
  auto const& facts = life.facts();
  auto const& identity = life.running().identity();
  auto const& config = life.running().config();
  line("listener", "PLAINTEXT on {}; clients will be told {}:{}", facts.listening_on,
       identity.host.contains(':') ? "[" + identity.host + "]" : identity.host, identity.port);
  auto direct = true;
  std::uint64_t journal_bytes = 0;
  for (auto const& each : facts.directories) {
    if (!each.offline.empty()) {
      line("data directory", "{} is OFFLINE: {}", each.path, each.offline);
      continue;
    }
    line("data directory", "{}{}", each.path,
         each.logs.clean || facts.partitions == 0 ? "" : " (recovered after an unclean stop)");
    if (!each.logs.direct) line("direct i/o", "refused: {}", each.logs.direct_reason);
    if (has_option(mount_options(each.path), "discard")) {
      line("mount option",
           "discard: while retention deletes, the device is busy freeing and acknowledgements may "
           "wait; mount with nodiscard and let fstrim.timer do it");
    }
    direct = direct && each.logs.direct;
    journal_bytes += each.logs.journal_bytes;
  }
  line("broker id", "{}", identity.id);
  line("cluster id", "{}", identity.cluster_id);
  line("durability", "{}", durability(config, direct));
  line("journal", "{} on the disk", size_text(journal_bytes));
  line("topics", "{} with {} partitions", facts.topics, facts.partitions);
  if (config.flag("auto.create.topics.enable")) {
    line("topic creation", "automatic (auto.create.topics.enable)");
  }
  for (auto const& each : facts.directories) {
    for (auto const& unknown : each.logs.unknown_directories) {
      line("unknown log", "{}{}: no topic has it; it is kept and not served",
           facts.directories.size() == 1 ? "" : each.path + "/", unknown);
    }
  }
  fmt::print("karst ready: listening on {}\n", facts.listening_on);
  std::fflush(stdout);
}

}  // namespace karst::tools
