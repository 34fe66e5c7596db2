#include "bench/produce_load.h"
#include "reactor/machine.h"
#include "tools/bench_consume.h"
#include "tools/commands.h"

namespace karst::tools {
namespace {

struct bench_arguments {
  std::string broker = "127.0.0.1:9092";
  bench::produce_load_options load;
  double seconds = 10;
  std::string acks = "all";
  bool json = false;
};

void print_report(bench::produce_load_options const& options,
                  bench::produce_load_report const& report, bool json) {
  auto per_second = static_cast<double>(report.requests) / report.seconds;
  auto megabytes = per_second * static_cast<double>(report.batch_bytes) / 1e6;
  auto records = per_second * static_cast<double>(report.records_per_request);
  auto in_ms = [&](double share) {
    return std::chrono::duration<double, std::milli>(report.latencies.at(share)).count();
  };
  if (json) {
    fmt::print(
        "{{\"requests_per_second\": {:.0f}, \"records_per_second\": {:.0f}, "
        "\"megabytes_per_second\": {:.1f}, \"p50_ms\": {:.3f}, \"p99_ms\": {:.3f}, "
        "\"p999_ms\": {:.3f}, \"max_ms\": {:.3f}, \"refused\": {}, \"all_requests\": {}}}\n",
        per_second, records, megabytes, in_ms(0.5), in_ms(0.99), in_ms(0.999), in_ms(1),
        report.refused, report.all_requests);
  } else {
    fmt::print(
        "{} connections, {} in flight each, {} x {} B records per batch, acks {}: {:.0f} "
        "requests/s, {:.0f} records/s, {:.1f} MB/s; latency ms p50 {:.2f}, p99 {:.2f}, p99.9 "
        "{:.2f}, max {:.2f}\n",
        options.connections, options.in_flight, options.records_per_batch, options.record_bytes,
        options.acks, per_second, records, megabytes, in_ms(0.5), in_ms(0.99), in_ms(0.999),
        in_ms(1));
  }
  if (report.refused != 0) {
    fmt::print(stderr, "{} requests were refused, the last with error code {}\n", report.refused,
               report.last_error);
  }
}

task<int> bench_produce(bench_arguments arguments) {
  auto report = co_await bench::run_produce_load(arguments.load);
  if (!report) {
    fmt::print(stderr, "karst bench: {}\n", report.error().message());
    co_return 1;
  }
  print_report(arguments.load, *report, arguments.json);
  co_return report->refused == 0 ? 0 : 1;
}

int run_bench_produce(bench_arguments arguments) {
  auto colon = arguments.broker.rfind(':');
  auto port = colon == std::string::npos ? 9092 : std::atoi(arguments.broker.c_str() + colon + 1);
  auto address =
      resolve_address(arguments.broker.substr(0, colon), static_cast<std::uint16_t>(port));
  if (!address) {
    fmt::print(stderr, "karst bench: {}\n", address.error().message());
    return 1;
  }
  arguments.load.broker = *address;
  arguments.load.length = duration{static_cast<std::int64_t>(arguments.seconds * 1e9)};
  arguments.load.acks = static_cast<std::int16_t>(arguments.acks == "all" ? -1
                                                  : arguments.acks == "1" ? 1
                                                                          : 0);
  auto result =
      machine::run(machine_options{.cores = 1}, [&](machine&) { return bench_produce(arguments); });
  if (!result) {
    fmt::print(stderr, "karst bench: {}\n", result.error().message());
    return 1;
  }
  return *result;
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
      "The topic must exist, with that many partitions. Two figures to begin with:\n"
      "  karst topic create bench --partitions 8\n"
      "  karst bench produce --connections 64 --record-size 100\n"
      "  karst bench produce --connections 8 --records-per-batch 64 --record-size 1024 "
      "--in-flight 4");
  auto arguments = std::make_shared<bench_arguments>();
  produce->add_option("-b,--bootstrap-server", arguments->broker, "Broker, HOST:PORT")
      ->capture_default_str();
  produce->add_option("-t,--topic", arguments->load.topic, "Topic")->capture_default_str();
  produce->add_option("--partitions", arguments->load.partitions, "Partitions of the topic")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  produce->add_option("-c,--connections", arguments->load.connections, "Connections")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  produce->add_option("--in-flight", arguments->load.in_flight, "Requests in flight per connection")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000));
  produce->add_option("--record-size", arguments->load.record_bytes, "Bytes of a record's value")
      ->capture_default_str();
  produce->add_option("--records-per-batch", arguments->load.records_per_batch, "Records per batch")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  produce->add_option("--acks", arguments->acks, "1 or all")
      ->capture_default_str()
      ->check(CLI::IsMember({"1", "all"}));
  produce
      ->add_option("--rate", arguments->load.rate,
                   "Requests per second in all; 0: as fast as answers come")
      ->capture_default_str();
  produce->add_option("--seconds", arguments->seconds, "Length of the measurement")
      ->capture_default_str()
      ->check(CLI::Range(0.1, 86'400.0));
  produce->add_flag("--json", arguments->json, "One line of JSON instead of text");
  produce->callback([arguments, &status] { status = run_bench_produce(*arguments); });
}

}  // namespace karst::tools
