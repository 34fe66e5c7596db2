#include "tools/bench_sink.h"

#include "bench/sink.h"
#include "reactor/machine.h"

namespace karst::tools {
namespace {

struct sink_arguments {
  std::uint16_t port = 0;
  std::int32_t partitions = 8;
};

task<int> serve_sink(machine& process, sink_arguments arguments) {
  auto sink = bench::sink::open(arguments.port, arguments.partitions);
  if (!sink) {
    fmt::print(stderr, "karst bench sink: {}\n", sink.error().message());
    co_return 1;
  }
  (*sink)->start();
  fmt::print("karst bench sink: listening on 127.0.0.1:{}\n", (*sink)->port());
  std::fflush(stdout);
  (void)co_await process.wait_for_signal();
  co_await (*sink)->close();
  co_return 0;
}

int run_sink(sink_arguments const& arguments) {
  auto status =
      machine::run({.cores = 1}, [&](machine& process) { return serve_sink(process, arguments); });
  if (status) return *status;
  fmt::print(stderr, "karst bench sink: {}\n", status.error().message());
  return 1;
}

}  // namespace

void add_bench_sink(CLI::App& bench, int& status) {
  auto* command = bench.add_subcommand(
      "sink", "A broker that keeps nothing, to find what the bench itself can do on this machine");
  command->footer(
      "In one terminal and another:\n"
      "  karst bench sink --port 9192\n"
      "  karst bench produce -b 127.0.0.1:9192 -c 8 --in-flight 2 --records-per-batch 64 "
      "--record-size 1000");
  auto arguments = std::make_shared<sink_arguments>();
  command->add_option("--port", arguments->port, "Port on 127.0.0.1; 0: the kernel chooses")
      ->capture_default_str();
  command
      ->add_option("--partitions", arguments->partitions, "Partitions of a topic that nobody made")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000));
  command->callback([arguments, &status] { status = run_sink(*arguments); });
}

}  // namespace karst::tools
