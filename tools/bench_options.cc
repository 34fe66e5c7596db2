#include "tools/bench_options.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "bench/stamp.h"
#include "bench/workload.h"

namespace karst::tools {
namespace {

using bench::consume_mode;
using bench::load_kind;

// What Kafka takes as one request by default (socket.request.max.bytes).
constexpr std::uint64_t most_batch_bytes = 100 * MiB;
// Of a measurement, and its warm-up.
constexpr double seconds_least = 0.1;
constexpr double seconds_most = 86'400;

// Rates so low that nothing would come of them overflow the times between requests.
constexpr double rate_least = 0.001;
constexpr double rate_most = 1e9;

// CLI11's Range takes NaN for anything.
CLI::Validator number_in(double least, double most, bool or_zero = false) {
  return {[=](std::string& text) {
            double value = 0;
            auto const read = CLI::detail::lexical_cast(text, value);
            if (read && ((or_zero && value == 0) || (value >= least && value <= most))) {
              return std::string{};
            }
            return fmt::format("{} is {} number from {} to {}", text,
                               or_zero ? "neither 0 nor a" : "no", least, most);
          },
          fmt::format("{}FLOAT in [{} - {}]", or_zero ? "0 or " : "", least, most)};
}

CLI::Validator rate_or_zero() { return number_in(rate_least, rate_most, true); }

void add_topic_options(CLI::App& command, bench_arguments& arguments) {
  add_client_options(command, arguments.client);
  auto& load = arguments.load;
  command.add_option("-t,--topic", load.topic, "Topic; produced to, it is made when it is missing")
      ->capture_default_str();
  command
      .add_option("--partitions", load.partitions,
                  "Partitions of a topic that is made; one that exists keeps its own")
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
      ->capture_default_str()
      ->check(CLI::Range(0, 1'000'000'000));
  command
      .add_option("--random-bytes", load.random_bytes,
                  "Share of a value, 0 to 1, that no codec can shrink")
      ->capture_default_str()
      ->check(number_in(0, 1));
}

void add_producer_options(CLI::App& command, bench_arguments& arguments) {
  auto& load = arguments.load;
  command.add_option("-c,--connections", load.connections, "Connections that produce")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command.add_option("--in-flight", load.in_flight, "Produce requests in flight per connection")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000));
  add_choice<std::int16_t>(command, "--acks", load.acks, {{"all", -1}, {"1", 1}, {"0", 0}},
                           "When a batch counts as written");
  command
      .add_option("--rate", load.rate,
                  "Requests per second in all, each timed from when it was due; 0: as fast as "
                  "answers come")
      ->capture_default_str()
      ->check(rate_or_zero());
}

void add_fetch_limits(CLI::App& command, bench_arguments& arguments) {
  auto& load = arguments.load;
  command.add_option("--max-bytes", load.fetch_bytes, "Most bytes of an answer")
      ->capture_default_str()
      ->check(CLI::Range(1, INT32_MAX));
  command.add_option("--partition-max-bytes", load.partition_bytes, "Most bytes of a partition")
      ->capture_default_str()
      ->check(CLI::Range(1, INT32_MAX));
}

void add_reader_options(CLI::App& command, bench_arguments& arguments) {
  auto& load = arguments.load;
  command.add_option("-c,--connections,--consumers", load.consumers, "Connections that fetch")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command.add_option("--in-flight", load.fetches_in_flight, "Fetch requests in flight of each")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000));
  add_fetch_limits(command, arguments);
  add_choice<consume_mode>(
      command, "--mode", load.mode,
      {{"loop", consume_mode::loop}, {"once", consume_mode::once}, {"tail", consume_mode::tail}},
      "loop: from the beginning to the end, again and again; once (twice and more where "
      "connections or --in-flight share a partition); tail: what is new");
}

void add_consumer_options(CLI::App& command, bench_arguments& arguments) {
  arguments.load.mode = consume_mode::tail;
  command.add_option("--consumers", arguments.load.consumers, "Connections that fetch")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  add_fetch_limits(command, arguments);
}

std::string text_of(std::string const& path) {
  std::ifstream file{path, std::ios::binary};
  std::error_code unknown;  // is for the open to refuse
  if (!file || std::filesystem::is_directory(path, unknown)) {
    throw CLI::ValidationError("--workload",
                               fmt::format("cannot read {}; give the name of a file", path));
  }
  return {std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
}

// A payload's file is named from where the workload's is.
std::string beside(std::string const& workload, std::string const& path) {
  auto slash = workload.rfind('/');
  return path.starts_with('/') || slash == std::string::npos ? path
                                                             : workload.substr(0, slash + 1) + path;
}

void take_workload(bench_arguments& arguments, std::string const& path) {
  auto read = bench::read_workload(text_of(path), path, arguments.load);
  if (!read) throw CLI::ValidationError("--workload", read.error().message());
  for (auto const& note : read->notes) fmt::print(stderr, "karst bench: {}: {}\n", path, note);
  arguments.load = read->load;
  arguments.seconds = std::chrono::duration<double>(arguments.load.length).count();
  arguments.warm_up = std::chrono::duration<double>(arguments.load.warm_up).count();
  if (read->payload_file.empty()) return;
  arguments.load.payload = text_of(beside(path, read->payload_file));
  arguments.load.record_bytes = static_cast<std::uint32_t>(arguments.load.payload.size());
}

void add_run_options(CLI::App& command, bench_arguments& arguments) {
  command.add_option("--warm-up", arguments.warm_up, "Seconds before the measurement, not counted")
      ->capture_default_str()
      ->check(number_in(0, seconds_most));
  command.add_option("--seconds", arguments.seconds, "Length of the measurement")
      ->capture_default_str()
      ->check(number_in(seconds_least, seconds_most));
  command
      .add_option("--broker-pid", arguments.load.broker_pid,
                  "Process of the broker on this machine, whose processor time is measured")
      ->check(CLI::Range(1, 1 << 22));
  // Read when it is seen, so that the other options, which are stored after the last, win over it.
  command
      .add_option_function<std::string>(
          "--workload", [&arguments](std::string const& path) { take_workload(arguments, path); },
          "Workload file of the OpenMessaging Benchmark; other options win over it")
      ->trigger_on_parse();
  command.add_option("--html", arguments.html, "File to write the report to, as a page with plots");
  command.add_flag("--json", arguments.json, "One line of JSON instead of text");
  command.add_flag("--progress", arguments.progress,
                   "A line each second on stderr, also when it is no terminal");
}

// A page that cannot be written is refused before the load runs, and leaves no empty file.
void check_page(std::string const& path) {
  // What cannot be asked (no permission, a name too long) is for the open to refuse.
  std::error_code unknown;
  auto const existed = std::filesystem::exists(path, unknown);
  if (!std::ofstream{path, std::ios::app}) {
    throw CLI::ValidationError("--html", fmt::format("cannot write {}: {}; name another file", path,
                                                     std::strerror(errno)));
  }
  if (!existed) std::filesystem::remove(path, unknown);
}

bool is_given(CLI::App const& command, std::string const& option) {
  auto const* known = command.get_option_no_throw(option);
  return known != nullptr && known->count() != 0;
}

// What a workload says ends where an option says otherwise.
void prefer_options(CLI::App const& command, bench_arguments& arguments) {
  auto& load = arguments.load;
  if (is_given(command, "--rate")) load.record_rate = 0;
  if (is_given(command, "--record-size")) load.payload.clear();
  // A single pass may be over before a warm-up is.
  if (load.mode == consume_mode::once && !is_given(command, "--warm-up")) arguments.warm_up = 0;
}

void check_times(bench_arguments const& arguments) {
  if (arguments.seconds < seconds_least || arguments.seconds > seconds_most ||
      arguments.warm_up > seconds_most) {
    throw CLI::ValidationError(
        "--workload",
        fmt::format("a run of {} s after {} s of warm-up: the bench measures {} to "
                    "{} s; give --seconds or --warm-up",
                    arguments.seconds, arguments.warm_up, seconds_least, seconds_most));
  }
}

}  // namespace

void settle_bench_arguments(CLI::App const& command, load_kind kind, bench_arguments& arguments) {
  prefer_options(command, arguments);
  check_times(arguments);
  auto const& load = arguments.load;
  if (kind == load_kind::end_to_end && load.record_bytes < bench::stamp_bytes) {
    throw CLI::ValidationError(
        "--record-size", fmt::format("{} bytes are too few: end to end a value begins with {} "
                                     "bytes that say when it was due",
                                     load.record_bytes, bench::stamp_bytes));
  }
  if (load.record_rate != 0 && load.record_rate / load.records_per_batch < rate_least) {
    throw CLI::ValidationError(
        "--workload", fmt::format("producerRate {} with {} records per batch is less than {} "
                                  "requests per second",
                                  load.record_rate, load.records_per_batch, rate_least));
  }
  auto const bytes = std::uint64_t{load.record_bytes} * load.records_per_batch;
  if (bytes > most_batch_bytes) {
    throw CLI::ValidationError(
        "--records-per-batch",
        fmt::format("{} records of {} bytes are a batch of {} bytes; a "
                    "request may have {}",
                    load.records_per_batch, load.record_bytes, bytes, most_batch_bytes));
  }
  if (kind != load_kind::consume && is_given(command, "--workload") &&
      !is_given(command, "--records-per-batch")) {
    fmt::print(stderr,
               "karst bench: a workload says nothing of batches: one record each; see "
               "--records-per-batch\n");
  }
  if (!arguments.html.empty()) check_page(arguments.html);
}

void add_bench_options(CLI::App& command, load_kind kind, bench_arguments& arguments) {
  add_topic_options(command, arguments);
  if (kind == load_kind::consume) {
    add_reader_options(command, arguments);
  } else {
    add_producer_options(command, arguments);
    add_record_options(command, arguments);
  }
  if (kind == load_kind::end_to_end || kind == load_kind::mixed) {
    add_consumer_options(command, arguments);
  }
  if (kind == load_kind::mixed) {
    command.add_flag_callback(
        "--from-beginning", [&arguments] { arguments.load.mode = consume_mode::all; },
        "Consumers begin with the oldest record, not with what is new");
  }
  add_run_options(command, arguments);
}

}  // namespace karst::tools
