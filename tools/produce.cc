#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "log/batch_builder.h"
#include "reactor/event.h"
#include "tools/client_command.h"
#include "tools/commands.h"
#include "tools/input_reader.h"
#include "tools/partitioner.h"
#include "tools/progress.h"
#include "tools/record_input.h"

namespace karst::tools {
namespace {

// Uncompressed bytes at which a batch goes out: below max.message.bytes of any broker, large enough
// to compress well.
constexpr std::size_t batch_bytes = 256 * KiB;
// Batches on their way; each partition has at most one, which keeps its order.
constexpr std::size_t batches_in_flight = 16;
// No request may be larger (Kafka's default of socket.request.max.bytes), so no record either.
constexpr std::size_t line_bytes_max = 100 * MiB;

struct codec_levels {
  std::string_view codec;
  int least;
  int most;
};
// What the codecs' libraries take, as Kafka's compression.CODEC.level.
constexpr codec_levels levels[] = {{"gzip", 1, 9}, {"lz4", 1, 17}, {"zstd", -131072, 22}};

struct produce_settings {
  client_settings client;
  std::string topic;
  std::vector<std::string> files;
  input_format input;
  std::int32_t partition = -1;
  std::string compression = "none";
  int level = log::compressor::default_level;
  std::string acks = "all";
  bool no_create = false;
  bool verbose = false;
};

// Gathers records into batches, one per partition, and sends them.
class record_sender {
 public:
  record_sender(net::client& client, produce_settings const& settings)
      : client_(client), settings_(settings), in_flight_(batches_in_flight) {}

  task<expected<void, error>> start();
  // Waits only when the record's partition has a full batch and another on its way.
  task<expected<void, error>> add(input_record const& record);
  // Sends what is gathered and waits for all answers.
  task<expected<void, error>> finish();
  // Sends what is gathered, because no more input is there at the moment.
  task<expected<void, error>> push();
  std::uint64_t records() const { return records_; }

 private:
  struct destination {
    log::batch_builder builder;
    semaphore turn{1};
  };
  task<> send(std::int32_t partition, destination& to, buffer batch, std::int32_t count);
  task<expected<void, error>> flush(std::int32_t partition, destination& to);
  destination& at(std::int32_t partition);
  unexpected<error> no_partition(std::int32_t partition) const;
  expected<void, error> state() const {
    return failure_ ? expected<void, error>{unexpected<error>(*failure_)} : expected<void, error>{};
  }

  net::client& client_;
  produce_settings const& settings_;
  net::produce_options options_;
  log::batch_options batches_;
  std::int32_t partitions_ = 0;
  std::optional<partitioner> partitioner_;
  std::map<std::int32_t, destination> destinations_;
  semaphore in_flight_;
  std::uint64_t records_ = 0;
  std::optional<error> failure_;
  task_set tasks_;
};

expected<void, error> check_level(produce_settings const& settings) {
  if (settings.level == log::compressor::default_level) return {};
  auto const* known = std::ranges::find(levels, settings.compression, &codec_levels::codec);
  if (known == std::end(levels)) {
    return fail(errc::invalid, "leave out --compression-level, or choose gzip, lz4 or zstd",
                "the codec {} has no levels", settings.compression);
  }
  if (settings.level >= known->least && settings.level <= known->most) return {};
  return fail(errc::invalid, fmt::format("choose one from {} to {}", known->least, known->most),
              "{} has no compression level {}", known->codec, settings.level);
}

task<expected<void, error>> record_sender::start() {
  if (auto checked = check_level(settings_); !checked) co_return checked;
  options_.acks = settings_.acks == "all" ? -1 : settings_.acks == "1" ? 1 : 0;
  options_.create = !settings_.no_create;
  options_.idempotent = options_.acks == -1;
  batches_.compression = *log::parse_codec(settings_.compression);
  batches_.level = settings_.level;
  auto partitions = co_await client_.partition_count(settings_.topic, options_.create);
  if (!partitions) co_return unexpected<error>(partitions.error());
  partitions_ = *partitions;
  if (settings_.partition >= partitions_) co_return no_partition(settings_.partition);
  partitioner_.emplace(*partitions);
  if (options_.idempotent) {
    auto identity = co_await client_.init_producer();
    if (!identity) co_return unexpected<error>(identity.error());
    batches_.producer = {identity->id};
    batches_.producer_epoch = identity->epoch;
    batches_.base_sequence = 0;
  }
  co_return expected<void, error>{};
}

unexpected<error> record_sender::no_partition(std::int32_t partition) const {
  return fail(errc::not_found, "create the topic with more partitions, or name one of its own",
              "topic {} has partitions 0 to {}, not {}", settings_.topic, partitions_ - 1,
              partition);
}

record_sender::destination& record_sender::at(std::int32_t partition) {
  auto known = destinations_.find(partition);
  if (known != destinations_.end()) return known->second;
  return destinations_.try_emplace(partition, log::batch_builder{batches_}).first->second;
}

task<expected<void, error>> record_sender::add(input_record const& record) {
  auto partition = settings_.partition;
  if (partition < 0) partition = record.partition.value_or(-1);
  if (partition >= partitions_) co_return no_partition(partition);
  if (partition < 0) partition = partitioner_->of(record.key);
  auto& to = at(partition);
  std::vector<log::record_header> headers;
  for (auto const& [name, value] : record.headers) headers.push_back({name, value});
  auto timestamp = record.timestamp.value_or(core::current().clock().wall_now());
  to.builder.add(timestamp, record.key, record.value, std::move(headers));
  ++records_;
  if (to.builder.size_bytes() < batch_bytes) co_return state();
  partitioner_->next_batch();
  co_return co_await flush(partition, to);
}

task<expected<void, error>> record_sender::flush(std::int32_t partition, destination& to) {
  if (to.builder.count() == 0) co_return state();
  (void)co_await to.turn.take(1);
  (void)co_await in_flight_.take(1);
  auto count = to.builder.count();
  tasks_.spawn(send(partition, to, to.builder.finish(), count));
  co_return state();
}

task<> record_sender::send(std::int32_t partition, destination& to, buffer batch,
                           std::int32_t count) {
  if (!failure_) {
    net::topic_partition where{settings_.topic, partition};
    auto done = co_await client_.produce(where, buffer_chain{std::move(batch)}, options_);
    if (!done && !failure_) failure_ = done.error();
    if (done && settings_.verbose && options_.acks != 0) {
      fmt::print("{}\n", nlohmann::json{{"topic", settings_.topic},
                                        {"partition", partition},
                                        {"first_offset", done->base_offset},
                                        {"records", count}}
                             .dump());
    }
  }
  in_flight_.give(1);
  to.turn.give(1);
}

task<expected<void, error>> record_sender::push() {
  for (auto& [partition, to] : destinations_) {
    if (auto flushed = co_await flush(partition, to); !flushed) co_return flushed;
  }
  partitioner_->next_batch();
  co_return state();
}

task<expected<void, error>> record_sender::finish() {
  if (partitioner_ && !failure_) (void)co_await push();
  co_await tasks_.join();
  co_return state();
}

// Cuts the input into lines and sends each as a record. `bytes_at` names the line in errors.
task<expected<void, error>> send_lines(record_sender& sender, input_reader& input,
                                       produce_settings const& settings) {
  progress shown{"produce", input.total(), core::current().now()};
  std::string rest;
  std::size_t searched = 0;  // bytes of `rest` in which there is no end of a line
  std::uint64_t bytes = 0;
  std::uint64_t line_number = 0;
  while (true) {
    if (!input.ready()) {
      if (auto pushed = co_await sender.push(); !pushed) co_return pushed;
    }
    auto piece = co_await input.next();
    if (!piece) co_return unexpected<error>(piece.error());
    auto last = !piece->has_value();
    if (!last) {
      bytes += (*piece)->size();
      rest += **piece;
    }
    std::string_view left{rest};
    while (!left.empty()) {
      auto end = left.find('\n', std::exchange(searched, 0));
      if (end == std::string_view::npos && !last) break;
      auto line = left.substr(0, end);
      left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
      auto record = parse_line(line, ++line_number, settings.input);
      if (!record) co_return unexpected<error>(record.error());
      if (auto added = co_await sender.add(*record); !added) co_return added;
    }
    rest.erase(0, rest.size() - left.size());
    searched = rest.size();
    if (searched > line_bytes_max) {
      co_return fail(errc::invalid, "is the input text? Cut it into lines that are records",
                     "line {} of the input has no end within {} MiB, the most that a request holds",
                     line_number + 1, line_bytes_max / MiB);
    }
    shown.update(bytes, sender.records(), core::current().now());
    if (last) co_return expected<void, error>{};
  }
}

task<expected<void, error>> produce(net::client& client, produce_settings const& settings) {
  auto input = input_reader::open(settings.files);
  if (!input) co_return unexpected<error>(input.error());
  record_sender sender{client, settings};
  auto done = co_await sender.start();
  if (done) done = co_await send_lines(sender, *input, settings);
  auto finished = co_await sender.finish();
  co_return done ? finished : done;
}

void add_input_options(CLI::App& command, produce_settings& settings) {
  add_choice<bool>(
      command, "--format", settings.input.json, {{"lines", false}, {"json", true}},
      "lines, or json: one object for each line, with key, value, headers, timestamp and "
      "partition, as `karst consume --format json` prints them");
  command.add_option("-K,--key-separator", settings.input.key_separator,
                     "What stands between key and value in a line; \\t for a tab");
  command.add_option("-H,--header", settings.input.headers,
                     "NAME=VALUE, on every record; may be repeated");
  command.add_option("-T,--timestamp", settings.input.timestamp,
                     "Milliseconds since 1970, on every record; the time of sending when left out");
  command.add_flag("-Z,--null-when-empty", settings.input.null_when_empty,
                   "An empty key or value is sent as null (a tombstone)");
}

}  // namespace

void add_produce(CLI::App& app, int& status) {
  auto settings = std::make_shared<produce_settings>();
  auto* command = app.add_subcommand("produce", "Send lines as records");
  command->add_option("TOPIC", settings->topic, "Where to")->required();
  command->add_option("FILE", settings->files, "Files to read; standard input when left out");
  add_client_options(*command, settings->client);
  add_input_options(*command, *settings);
  command->add_option(
      "-p,--partition", settings->partition,
      "For all records; when left out by key as Java clients do, and spread without one");
  command->add_option("-z,--compression", settings->compression, "Codec of the batches")
      ->check(CLI::IsMember({"none", "gzip", "snappy", "lz4", "zstd"}))
      ->capture_default_str();
  command->add_option("--compression-level", settings->level, "The codec's own level");
  command
      ->add_option("-a,--acks", settings->acks,
                   "all: every acknowledgement durable, and no duplicates; 1: the leader; 0: none")
      ->check(CLI::IsMember({"all", "1", "0"}))
      ->capture_default_str();
  command->add_flag("--no-create", settings->no_create, "Fail when the topic does not exist");
  command->add_flag("-v,--verbose", settings->verbose, "Print where each batch was stored");
  command->footer(
      "Examples:\n"
      "  echo hello | karst produce greetings\n"
      "  printf 'alice\\t1\\nbob\\t2\\n' | karst produce scores -K '\\t' -H source=shell\n"
      "  karst produce logs /var/log/dpkg.log -z zstd -p 0\n"
      "  karst consume logs -e --format json | karst produce copy --format json");
  command->callback([settings, &status] {
    if (settings->input.key_separator == "\\t") settings->input.key_separator = "\t";
    status = run_client("produce", settings->client,
                        [&](net::client& client) { return produce(client, *settings); });
  });
}

}  // namespace karst::tools
