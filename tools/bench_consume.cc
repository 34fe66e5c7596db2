#include "tools/bench_consume.h"

#include <map>

#include "bench/consume_load.h"
#include "reactor/machine.h"

namespace karst::tools {
namespace {

struct consume_arguments {
  std::string broker = "127.0.0.1:9092";
  bench::consume_load_options load;
  double warm_up = 1;
  double seconds = 10;
  bool json = false;
};

void print_report(bench::consume_load_options const& options,
                  bench::consume_load_report const& report, bool json) {
  auto seconds = std::max(report.seconds, 1e-9);
  auto requests = static_cast<double>(report.requests) / seconds;
  auto records = static_cast<double>(report.records) / seconds;
  auto megabytes = static_cast<double>(report.record_bytes) / seconds / 1e6;
  auto in_ms = [&](double share) {
    return std::chrono::duration<double, std::milli>(report.latencies.at(share)).count();
  };
  if (json) {
    fmt::print(
        "{{\"requests_per_second\": {:.0f}, \"records_per_second\": {:.0f}, "
        "\"megabytes_per_second\": {:.1f}, \"p50_ms\": {:.3f}, \"p99_ms\": {:.3f}, "
        "\"p999_ms\": {:.3f}, \"max_ms\": {:.3f}, \"refused\": {}, \"all_requests\": {}, "
        "\"all_bytes\": {}, \"seconds\": {:.3f}}}\n",
        requests, records, megabytes, in_ms(0.5), in_ms(0.99), in_ms(0.999), in_ms(1),
        report.refused, report.all_requests, report.all_record_bytes, report.seconds);
  } else {
    fmt::print(
        "{} connections, {} in flight each: {:.1f} MB/s, {:.0f} records/s, {:.0f} requests/s; "
        "latency ms p50 {:.2f}, p99 {:.2f}, p99.9 {:.2f}, max {:.2f}\n",
        options.connections, options.in_flight, megabytes, records, requests, in_ms(0.5),
        in_ms(0.99), in_ms(0.999), in_ms(1));
  }
  if (report.refused != 0) {
    fmt::print(stderr, "{} answers had errors, the last with error code {}\n", report.refused,
               report.last_error);
  }
}

task<int> bench_consume(consume_arguments arguments) {
  auto report = co_await bench::run_consume_load(arguments.load);
  if (!report) {
    fmt::print(stderr, "karst bench: {}\n", report.error().message());
    co_return 1;
  }
  print_report(arguments.load, *report, arguments.json);
  co_return report->refused == 0 ? 0 : 1;
}

int run_bench_consume(consume_arguments arguments) {
  auto colon = arguments.broker.rfind(':');
  auto port = colon == std::string::npos ? 9092 : std::atoi(arguments.broker.c_str() + colon + 1);
  auto address =
      resolve_address(arguments.broker.substr(0, colon), static_cast<std::uint16_t>(port));
  if (!address) {
    fmt::print(stderr, "karst bench: {}\n", address.error().message());
    return 1;
  }
  arguments.load.broker = *address;
  arguments.load.warm_up = duration{static_cast<std::int64_t>(arguments.warm_up * 1e9)};
  arguments.load.length = duration{static_cast<std::int64_t>(arguments.seconds * 1e9)};
  auto result =
      machine::run(machine_options{.cores = 1}, [&](machine&) { return bench_consume(arguments); });
  if (!result) {
    fmt::print(stderr, "karst bench: {}\n", result.error().message());
    return 1;
  }
  return *result;
}

}  // namespace

void add_bench_consume(CLI::App& bench, int& status) {
  auto* consume = bench.add_subcommand(
      "consume", "Read over many connections, throw away what comes, and time the answers");
  consume->footer(
      "The topic must have records, in that many partitions:\n"
      "  karst bench produce --connections 8 --records-per-batch 64 --record-size 1024\n"
      "  karst bench consume --connections 8");
  auto arguments = std::make_shared<consume_arguments>();
  auto& load = arguments->load;
  consume->add_option("-b,--bootstrap-server", arguments->broker, "Broker, HOST:PORT")
      ->capture_default_str();
  consume->add_option("-t,--topic", load.topic, "Topic")->capture_default_str();
  consume->add_option("--partitions", load.partitions, "Partitions of the topic")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  consume->add_option("-c,--connections,--consumers", load.connections, "Connections")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  consume->add_option("--in-flight", load.in_flight, "Requests in flight per connection")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000));
  consume->add_option("--max-bytes", load.request_bytes, "Most bytes of an answer")
      ->capture_default_str()
      ->check(CLI::Range(1, INT32_MAX));
  consume->add_option("--partition-max-bytes", load.partition_bytes, "Most bytes of a partition")
      ->capture_default_str()
      ->check(CLI::Range(1, INT32_MAX));
  consume
      ->add_option("--mode", load.mode,
                   "loop: from the beginning to the end, again and again; once; tail: what is new")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, bench::consume_mode>{{"loop", bench::consume_mode::loop},
                                                     {"once", bench::consume_mode::once},
                                                     {"tail", bench::consume_mode::tail}}));
  consume->add_option("--warm-up", arguments->warm_up, "Seconds before the measurement")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86'400.0));
  consume->add_option("--seconds", arguments->seconds, "Length of the measurement")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 86'400.0));
  consume->add_flag("--json", arguments->json, "One line of JSON instead of text");
  consume->callback([arguments, &status] { status = run_bench_consume(*arguments); });
}

}  // namespace karst::tools
