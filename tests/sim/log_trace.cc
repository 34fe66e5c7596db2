#include "tests/sim/log_trace.h"

#include "tests/sim/log_work.h"

namespace karst::sim {
namespace {

constexpr std::size_t large_batch = 24 * KiB;

void keep_first(std::string& first, std::string problem) {
  if (first.empty()) first = std::move(problem);
}

// One round: now one log, now all at once, mostly small batches.
void append_round(log_node& node, random_source& random, std::vector<std::uint64_t> const& logs,
                  std::string& problem) {
  auto size = [&]() -> std::size_t {
    auto const kind = random.below(10);
    if (kind < 6) return random.between(1, 300);
    return kind < 9 ? random.between(300, 9000) : large_batch;
  };
  if (random.percent(30)) {
    auto const id = logs[random.below(logs.size())];
    if (node.find(id) != nullptr) keep_first(problem, node.append(id, size()));
    return;
  }
  std::vector<log_node::append_request> requests;
  auto const count = random.between(2, 8);
  for (std::uint64_t i = 0; i < count; ++i) {
    requests.push_back({.id = logs[random.below(logs.size())], .bytes = size()});
  }
  node.append_all(requests);
}

// Mostly appends; everything else that a log can do, in between.
void work(log_node& node, log_ledger& ledger, random_source& random,
          std::vector<std::uint64_t> const& logs, unsigned rounds, std::string& problem) {
  log_work some{node, ledger, random};
  for (unsigned round = 0; round < rounds; ++round) {
    append_round(node, random, logs, problem);
    if (random.percent(40)) keep_first(problem, some.step());
    if (random.percent(5)) node.idle(50ms);
  }
}

}  // namespace

log::directory_options small_directory(core_id cores) {
  return {.path = "/data",
          .cores = cores,
          .journal_file_bytes = 128 * KiB,
          .journal_files = 4,
          .freed_at_once = 4 * KiB};
}

log::log_config small_log() {
  return {.segment_bytes = 96 * KiB,
          .segment_index_bytes = 4 * KiB,
          .index_interval_bytes = 4096,
          .max_message_bytes = 48 * KiB};
}

std::string run_trace(world& host, log_ledger& ledger, trace_options const& options) {
  random_source random{options.seed * 7919 + 13};
  std::string problem;
  {
    log_node node{host, small_directory(options.cores), ledger};
    keep_first(problem, node.start());
    if (!problem.empty()) return problem;
    for (std::uint64_t id : {1, 2, 3}) keep_first(problem, node.create(id, small_log()));
    work(node, ledger, random, {1, 2, 3}, options.rounds, problem);
    if (options.stop_cleanly) {
      keep_first(problem, node.close());
    } else {
      node.kill();
    }
  }
  log_node node{host, small_directory(options.cores_later), ledger};
  keep_first(problem, node.start());
  if (!problem.empty()) return problem;
  for (auto const& [id, book] : ledger.books) keep_first(problem, node.settle(id));
  if (!ledger.books.contains(4)) keep_first(problem, node.create(4, small_log()));
  if (node.find(2) != nullptr) keep_first(problem, node.remove(2));
  work(node, ledger, random, {1, 3, 4}, options.rounds, problem);
  keep_first(problem, node.close());
  return problem;
}

std::vector<power_cut_image> cut_everywhere(trace_options const& options, log_ledger& ledger) {
  disk start;
  start.prepare_directory("/data");
  world host{{.seed = options.seed}, std::move(start)};
  std::vector<power_cut_image> images;
  host.on_operation([&](operation_record const& done) {
    static constexpr std::array<std::pair<char const*, unsigned>, 3> ways{
        {{"all dropped", 0}, {"torn", 50}, {"all kept", 100}}};
    for (auto const& [way, keep_percent] : ways) {
      images.push_back({.operation = done.number,
                        .after = fmt::format("operation {} on {}, unsynced writes {}",
                                             static_cast<int>(done.code), done.path, way),
                        .left = host.power_cut(keep_percent, keep_percent),
                        .promises = ledger.promises()});
    }
  });
  auto problem = run_trace(host, ledger, options);
  KARST_ASSERT(problem.empty(), "seed {}: {}", options.seed, problem);
  KARST_ASSERT(host.violations().empty(), "seed {}: {}", options.seed, host.violations().front());
  return images;
}

recovery_result recover(disk image, std::map<std::uint64_t, log_promise> const& promises,
                        log_ledger& ledger, core_id cores, std::uint64_t seed) {
  recovery_result result;
  world host{{.seed = seed}, std::move(image)};
  host.on_operation([&](operation_record const& done) {
    if (done.code == opcode::read) result.bytes_read += done.length;
  });
  log_node node{host, small_directory(cores), ledger};
  result.complaints = node.start();
  result.operations = host.operations();
  auto const read_to_recover = result.bytes_read;
  if (result.complaints.empty()) {
    result.complaints = node.check(promises);
    result.content = node.content();
  }
  result.bytes_read = read_to_recover;
  for (auto const& violation : host.violations()) result.complaints += violation + "\n";
  return result;
}

}  // namespace karst::sim
