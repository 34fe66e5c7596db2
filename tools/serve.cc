#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "cluster/broker_life.h"
#include "cluster/config_loader.h"
#include "reactor/base/logging.h"
#include "reactor/file_facts.h"
#include "reactor/machine.h"
#include "reactor/task_set.h"
#include "tools/advertised.h"
#include "tools/commands.h"
#include "tools/host_facts.h"
#include "tools/start_report.h"

namespace karst::tools {
namespace {

using cluster::exit_status;

struct serve_options {
  bool dev = false;
  bool check_only = false;
  std::string config_file;
  std::vector<std::string> assignments;
};

int status_code(exit_status status) { return static_cast<int>(status); }

int complain(exit_status status, error const& problem) {
  fmt::print(stderr, "karst serve: {}\n", problem.message());
  return status_code(status);
}

expected<std::string, error> read_text(std::string const& path) {
  auto refuse = [&]() -> unexpected<error> {
    return fail(errc::not_found, "give the path of a readable server.properties",
                "cannot read the configuration file {}: {}", path, std::strerror(errno));
  };
  std::unique_ptr<std::FILE, decltype([](std::FILE* open) { std::fclose(open); })> file{
      std::fopen(path.c_str(), "rb")};
  if (!file) return refuse();
  std::string text;
  std::array<char, 64 * KiB> part;
  while (auto got = std::fread(part.data(), 1, part.size(), file.get())) {
    text.append(part.data(), got);
  }
  if (std::ferror(file.get()) != 0) return refuse();
  return text;
}

expected<cluster::config_sources, error> gather(serve_options const& options) {
  cluster::config_sources sources{
      .dev = options.dev, .environment = environment(), .assignments = options.assignments};
  if (!options.config_file.empty()) {
    auto content = read_text(options.config_file);
    if (!content) return unexpected<error>(content.error());
    sources.file_name = options.config_file;
    sources.file_content = std::move(*content);
  }
  return sources;
}

// `timeout`, shells and service managers often send one signal twice: only one that comes later
// than this says that a clean stop takes too long.
constexpr duration same_signal = 2s;

// For the times when nobody waits for a signal: a start that takes long, a stop that takes long.
// What is on the disk is safe at any moment, so the process may end at once; the next start
// recovers.
task<> end_at_once_on_signal(machine& cores, abort_source& enough, std::string_view during,
                             duration patience, int& late) {
  auto begun = core::current().clock().now();
  auto number = 0;
  do {
    number = co_await cores.wait_for_signal(&enough);
    if (enough.requested()) {
      late = number;  // it came in the moment in which it was no longer ours: 0 if none did
      co_return;
    }
  } while (core::current().clock().now() - begun < patience);
  logging::warn("serve", "signal {} while {}: ending at once; the next start recovers", number,
                during);
  std::fflush(nullptr);
  std::_Exit(status_code(exit_status::failure));
}

// A host that forbids io_uring gets epoll. A limit that one line raises is another matter: nobody
// should find out months later why the broker is slow.
expected<void, error> check_memlock(io_report const& io, cluster::broker_config const& config) {
  if (io.refused != errc::no_memory || config.text("karst.io") != "auto") return {};
  return fail(errc::no_memory, "or set karst.io=epoll to run without io_uring, slower",
              "cannot use io_uring: {}", io.reason);
}

// The whole life of the broker, on core 0.
task<int> serve_until_signal(machine& cores, cluster::broker_options options) {
  options.cores = cores.core_count();
  if (auto checked = check_memlock(cores.io(), options.config); !checked) {
    co_return complain(exit_status::memlock_too_low, checked.error());
  }
  print_before_start(cores, options);
  abort_source started;
  task_set while_starting;
  int number = 0;
  while_starting.spawn(end_at_once_on_signal(cores, started, "starting", 0s, number));
  auto life = co_await cluster::broker_life::start(options);
  started.request();
  co_await while_starting.join();
  if (!life) co_return complain(life.error().status, life.error().problem);
  print_after_start(**life);
  warn_of_advertised(options.listener);
  if (number == 0) number = co_await cores.wait_for_signal();
  logging::info("serve", "stopping after signal {}", number);
  abort_source stopped;
  task_set while_stopping;
  while_stopping.spawn(end_at_once_on_signal(cores, stopped, "stopping", same_signal, number));
  auto outcome = co_await (*life)->stop();
  stopped.request();
  co_await while_stopping.join();
  if (!outcome) co_return complain(exit_status::failure, outcome.error());
  logging::info("serve", "stopped");
  co_return status_code(exit_status::success);
}

io_choice choice_of(cluster::broker_config const& config) {
  auto name = config.text("karst.io");
  return name == "io_uring" ? io_choice::io_uring
         : name == "epoll"  ? io_choice::epoll
                            : io_choice::automatic;
}

int serve(serve_options const& options) {
  auto sources = gather(options);
  if (!sources) return complain(exit_status::bad_configuration, sources.error());
  auto loaded = cluster::load_config(*sources);
  if (!loaded) {
    for (auto const& problem : loaded.error()) complain(exit_status::bad_configuration, problem);
    return status_code(exit_status::bad_configuration);
  }
  auto listener = cluster::make_listener_config(loaded->config, host_address());
  if (!listener) return complain(exit_status::bad_configuration, listener.error());
  if (auto paths = cluster::directory_paths(loaded->config); !paths) {
    return complain(paths.error().status, paths.error().problem);
  }
  print_remarks(*loaded);
  if (options.check_only) {
    print_settings(loaded->config);
    fmt::print("the configuration is good\n");
    return status_code(exit_status::success);
  }
  cluster::broker_options broker{.config = std::move(loaded->config),
                                 .listener = std::move(*listener),
                                 .descriptors = raise_descriptor_limit()};
  broker.memory_bytes = static_cast<std::uint64_t>(broker.config.number("karst.memory.bytes"));
  if (broker.memory_bytes == 0) broker.memory_bytes = usable_memory() / 4;
  machine_options cores{.cores = static_cast<core_id>(broker.config.number("karst.cores")),
                        .io = choice_of(broker.config)};
  auto ran = machine::run(
      cores, [&broker](machine& running) { return serve_until_signal(running, broker); });
  if (ran) return *ran;
  // What fails before there is a core is its io.
  auto memlock = ran.error().code == errc::no_memory;
  return complain(memlock ? exit_status::memlock_too_low : cluster::status_of(ran.error().code),
                  ran.error());
}

constexpr char const* explanation =
    "Settings have Kafka's names. Later sources win: defaults, --dev, the file, KAFKA_* variables\n"
    "(KAFKA_LOG_DIRS is log.dirs), --set.\n"
    "\n"
    "Examples:\n"
    "  karst serve --dev\n"
    "  karst serve --config server.properties --check-config\n"
    "  karst serve --set log.dirs=/data/karst --set listeners=PLAINTEXT://0.0.0.0:9092\n"
    "\n"
    "Exit status: 0 stopped by a signal, 1 other failures, 2 bad configuration, 3 port busy,\n"
    "4 directory locked, 5 directory of another broker or cluster, 6 no permission, 7 no space "
    "for\n"
    "the journal, 8 a directory written by Kafka, 9 memlock limit too low,\n"
    "10 damaged data, 11 the listener's address is not this machine's.";

}  // namespace

void add_serve(CLI::App& app, int& status) {
  auto* command = app.add_subcommand("serve", "Run a broker");
  auto options = std::make_shared<serve_options>();
  command->add_flag("--dev", options->dev,
                    "For trying it out: 127.0.0.1:9092, data in ./karst-data, a small journal");
  command->add_option("--config", options->config_file, "A server.properties file");
  command->add_option("--set", options->assignments, "One setting, as name=value; may be repeated")
      ->take_all();
  command->add_flag("--check-config", options->check_only,
                    "Say what would be used or what is wrong, and exit");
  command->footer(explanation);
  command->callback([options, &status] { status = serve(*options); });
}

}  // namespace karst::tools
