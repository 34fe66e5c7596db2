#include <unistd.h>

#include "bench/load.h"
#include "bench/report.h"
#include "tools/bench_consume.h"
#include "tools/client_command.h"
#include "tools/commands.h"

namespace karst::tools {
namespace {

struct bench_arguments {
  client_settings client;
  bench::load_options load;
  double seconds = 10;
  double warm_up = 1;
  bool json = false;
  bool progress = false;
};

duration to_duration(double seconds) { return duration{static_cast<std::int64_t>(seconds * 1e9)}; }

// The report is for stdout; what went wrong is the error.
expected<void, error> finish(bench::load_result const& result, bool json) {
  std::fputs((json ? bench::report_json(result) : bench::report_text(result)).c_str(), stdout);
  std::fflush(stdout);
  if (result.run->failure()) return unexpected<error>(*result.run->failure());
  for (auto const& side : result.sides) {
    if (side->counts.refused() == 0) continue;
    return fail(errc::invalid, "see the broker's log", "{} requests were refused: {}",
                side->counts.refused(), bench::errors_of(*side));
  }
  return {};
}

task<expected<void, error>> bench_load(net::client& client, abort_source& stop,
                                       bench_arguments const& arguments, bench::load_kind kind) {
  auto show = [](bench::load_result const& result) {
    fmt::print(stderr, "{}\n", bench::live_line(result));
  };
  std::function<void(bench::load_result const&)> each_second = [](auto const&) {};
  if (arguments.progress || ::isatty(STDERR_FILENO) == 1) each_second = show;
  auto result =
      co_await bench::run_load(kind, arguments.load, client, stop, std::move(each_second));
  if (!result) co_return unexpected<error>(result.error());
  co_return finish(*result, arguments.json);
}

int run_bench(bench_arguments arguments, bench::load_kind kind) {
  auto servers = parse_bootstrap(arguments.client.bootstrap);
  if (servers) arguments.load.bootstrap = *servers;
  arguments.load.length = to_duration(arguments.seconds);
  arguments.load.warm_up = to_duration(arguments.warm_up);
  auto work = [&](net::client& client, abort_source& stop) {
    return bench_load(client, stop, arguments, kind);
  };
  return run_stoppable_client(fmt::format("bench {}", bench::name(kind)), arguments.client, work);
}

void add_topic_options(CLI::App& command, bench_arguments& arguments) {
  add_client_options(command, arguments.client);
  auto& load = arguments.load;
  command.add_option("-t,--topic", load.topic, "Topic; created when it is missing")
      ->capture_default_str();
  command
      .add_option("--partitions", load.partitions,
                  "Partitions of a topic that is created; one that exists keeps its own")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
}

void add_record_options(CLI::App& command, bench_arguments& arguments) {
  using log::codec;
  auto& load = arguments.load;
  command.add_option("--record-size", load.record_bytes, "Bytes of a record's value")
      ->capture_default_str()
      ->check(CLI::Range(0, 100 << 20));
  command.add_option("--records-per-batch", load.records_per_batch, "Records per batch")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  add_choice<codec>(command, "--compression", load.compression,
                    {{"none", codec::none},
                     {"gzip", codec::gzip},
                     {"snappy", codec::snappy},
                     {"lz4", codec::lz4},
                     {"zstd", codec::zstd}},
                    "How batches are compressed");
  command
      .add_option("--keys", load.keys,
                  "Distinct keys that records have in turn; 0: records have no key")
      ->capture_default_str();
  command
      .add_option("--random-bytes", load.random_bytes,
                  "Share of a value, 0 to 1, that no codec can shrink")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
}

void add_producer_options(CLI::App& command, bench_arguments& arguments) {
  auto& load = arguments.load;
  command.add_option("-c,--connections", load.connections, "Connections that produce")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command.add_option("--in-flight", load.in_flight, "Requests in flight per connection")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000));
  add_choice<std::int16_t>(command, "--acks", load.acks, {{"all", -1}, {"1", 1}, {"0", 0}},
                           "When a batch counts as written");
  command
      .add_option("--rate", load.rate,
                  "Requests per second in all, each timed from when it was due; 0: as fast as "
                  "answers come")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
}

void add_run_options(CLI::App& command, bench_arguments& arguments) {
  command.add_option("--warm-up", arguments.warm_up, "Seconds before the measurement, not counted")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86'400.0));
  command.add_option("--seconds", arguments.seconds, "Length of the measurement")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 86'400.0));
  command
      .add_option("--broker-pid", arguments.load.broker_pid,
                  "Process of the broker on this machine, whose processor time is measured")
      ->check(CLI::Range(1, 1 << 22));
  command.add_flag("--json", arguments.json, "One line of JSON instead of text");
  command.add_flag("--progress", arguments.progress,
                   "A line each second on stderr, also when it is no terminal");
}

}  // namespace

void add_bench(CLI::App& app, int& status) {
  auto* bench = app.add_subcommand("bench", "Measure a broker: throughput and latency under load");
  bench->require_subcommand(1);
  bench->footer("Example: karst bench produce --help");
  add_bench_consume(*bench, status);
  auto* produce = bench->add_subcommand(
      "produce", "Write record batches over many connections and time the acknowledgements");
  produce->footer(
      "Batches are built once and sent over and over; CreateTime is the time of building. Two\n"
      "figures to begin with:\n"
      "  karst bench produce --connections 64 --record-size 100\n"
      "  karst bench produce --connections 8 --records-per-batch 64 --record-size 1024 "
      "--in-flight 4");
  auto arguments = std::make_shared<bench_arguments>();
  add_topic_options(*produce, *arguments);
  add_producer_options(*produce, *arguments);
  add_record_options(*produce, *arguments);
  add_run_options(*produce, *arguments);
  produce->callback(
      [arguments, &status] { status = run_bench(*arguments, bench::load_kind::produce); });
}

}  // namespace karst::tools
