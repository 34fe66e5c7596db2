#include <unistd.h>

#include <fstream>

#include "bench/html_report.h"
#include "bench/load.h"
#include "bench/report.h"
#include "tools/bench_options.h"
#include "tools/bench_sink.h"
#include "tools/commands.h"

namespace karst::tools {
namespace {

using bench::load_kind;

duration to_duration(double seconds) { return duration{static_cast<std::int64_t>(seconds * 1e9)}; }

expected<void, error> write_page(bench::load_result const& result, std::string const& path) {
  std::ofstream page{path, std::ios::binary};
  page << bench::report_html(result);
  page.close();
  if (page) return {};
  return fail(errc::io_error, "name another file with --html", "cannot write {}", path);
}

// The report is for stdout; what went wrong is the error.
expected<void, error> finish(bench::load_result const& result, bench_arguments const& arguments) {
  auto text = arguments.json ? bench::report_json(result) : bench::report_text(result);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  if (!arguments.html.empty()) {
    if (auto written = write_page(result, arguments.html); !written) return written;
  }
  if (result.run->failure()) return unexpected<error>(*result.run->failure());
  for (auto const& side : result.sides) {
    if (side->counts.refused() == 0) continue;
    return fail(errc::invalid, "see the broker's log", "{} requests were refused: {}",
                side->counts.refused(), bench::errors_of(*side));
  }
  auto const missing = result.sides.back()->counts.missing();
  if (missing != 0 && !result.readers_behind && result.options().acks != 0) {
    return fail(errc::invalid, "see the broker's log, and read the topic",
                "{} acknowledged records had not arrived when it ended", missing);
  }
  return {};
}

task<expected<void, error>> bench_load(net::client& client, abort_source& stop,
                                       bench_arguments const& arguments, load_kind kind) {
  auto show = [](bench::load_result const& result) {
    fmt::print(stderr, "{}\n", bench::live_line(result));
  };
  std::function<void(bench::load_result const&)> each_second = [](auto const&) {};
  if (arguments.progress || ::isatty(STDERR_FILENO) == 1) each_second = show;
  auto result =
      co_await bench::run_load(kind, arguments.load, client, stop, std::move(each_second));
  if (!result) co_return unexpected<error>(result.error());
  co_return finish(*result, arguments);
}

int run_bench(bench_arguments arguments, load_kind kind) {
  arguments.load.length = to_duration(arguments.seconds);
  arguments.load.warm_up = to_duration(arguments.warm_up);
  auto work = [&](net::client& client, abort_source& stop) {
    return bench_load(client, stop, arguments, kind);
  };
  return run_stoppable_client(fmt::format("bench {}", bench::name(kind)), arguments.client, work);
}

void add_load(CLI::App& bench, int& status, load_kind kind, std::string const& what,
              std::string const& footer) {
  auto* command = bench.add_subcommand(std::string{bench::name(kind)}, what);
  command->footer(footer);
  auto arguments = std::make_shared<bench_arguments>();
  add_bench_options(*command, kind, *arguments);
  command->callback([command, arguments, kind, &status] {
    settle_bench_arguments(*command, kind, *arguments);
    status = run_bench(*arguments, kind);
  });
}

}  // namespace

void add_bench(CLI::App& app, int& status) {
  auto* bench = app.add_subcommand("bench", "Measure a broker: throughput and latency under load");
  bench->require_subcommand(1);
  bench->footer(
      "Ctrl-C ends a load early, and what was measured is reported.\n"
      "Example: karst bench produce --help");
  add_load(
      *bench, status, load_kind::produce,
      "Write record batches over many connections and time the acknowledgements",
      "Batches are built once and sent over and over; CreateTime is the time of building. Two\n"
      "figures to begin with:\n"
      "  karst bench produce --connections 64 --record-size 100\n"
      "  karst bench produce --connections 8 --records-per-batch 64 --record-size 1024 "
      "--in-flight 4");
  add_load(*bench, status, load_kind::consume,
           "Read over many connections, throw away what comes, and time the answers",
           "The topic must have records:\n"
           "  karst bench produce --connections 8 --records-per-batch 64 --record-size 1024\n"
           "  karst bench consume --connections 8");
  add_load(*bench, status, load_kind::end_to_end,
           "Time records from when they were due to when a consumer has them",
           "Both ends are in this process, so one clock times them:\n"
           "  karst bench end-to-end --connections 8 --rate 1000 --consumers 1");
  add_load(*bench, status, load_kind::mixed, "Produce and consume at once, reported separately",
           "  karst bench mixed --rate 2000 --consumers 4 --from-beginning");
  add_bench_sink(*bench, status);
}

}  // namespace karst::tools
