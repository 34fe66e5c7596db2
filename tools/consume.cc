#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "log/batch_cursor.h"
#include "log/decompressor.h"
#include "tools/client_command.h"
#include "tools/commands.h"
#include "tools/json_bytes.h"
#include "tools/progress.h"
#include "tools/record_input.h"
#include "tools/time_text.h"

namespace karst::tools {
namespace {

using json = nlohmann::json;

// What one batch may inflate to here: no broker's max.message.bytes allows near as much.
constexpr std::size_t inflated_bytes_max = 1 * GiB;
// How long the broker may hold a fetch at the end of the log: new records come at once all the
// same, because a fetch waits for all partitions.
constexpr std::int32_t fetch_wait_ms = 500;

enum class record_format : std::uint8_t { value, table, json };

struct consume_settings {
  client_settings client;
  std::string topic;
  std::vector<std::int32_t> partitions;
  std::string offset = "earliest";
  std::string from_time;
  std::int64_t count = -1;
  bool exit_at_end = false;
  record_format format = record_format::value;
  std::string key_separator;
};

struct consumed_record {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t timestamp = -1;
  log::record const* content = nullptr;
};

// One record as the format asks. Bytes go out as they are but in JSON.
class record_printer {
 public:
  explicit record_printer(consume_settings const& settings) : settings_(settings) {}

  void print(consumed_record const& record) {
    switch (settings_.format) {
      case record_format::value:
        print_value(record);
        break;
      case record_format::table:
        print_row(record);
        break;
      case record_format::json:
        print_json(record);
        break;
    }
  }

 private:
  static void write(std::string_view bytes) { std::fwrite(bytes.data(), 1, bytes.size(), stdout); }

  void print_value(consumed_record const& record) {
    if (!settings_.key_separator.empty()) {
      write(record.content->key.value_or(""));
      write(settings_.key_separator);
    }
    write(record.content->value.value_or(""));
    write("\n");
  }
  void print_row(consumed_record const& record) {
    if (!std::exchange(headed_, true)) {
      write(fmt::format("{:>9}  {:>10}  {:<24}  {:<16}  {}\n", "PARTITION", "OFFSET", "TIMESTAMP",
                        "KEY", "VALUE"));
    }
    auto const& content = *record.content;
    std::string headers;
    for (auto const& each : content.headers) {
      headers += fmt::format("  [{}={}]", each.key, each.value.value_or("(null)"));
    }
    write(fmt::format("{:>9}  {:>10}  {:<24}  {:<16}  {}{}\n", record.partition, record.offset,
                      time_text(record.timestamp), content.key.value_or("(null)"),
                      content.value.value_or("(null)"), headers));
  }
  void print_json(consumed_record const& record) {
    json object{{"topic", settings_.topic},
                {"partition", record.partition},
                {"offset", record.offset},
                {"timestamp", record.timestamp}};
    put_bytes(object, "key", record.content->key);
    put_bytes(object, "value", record.content->value);
    auto headers = json::array();
    for (auto const& each : record.content->headers) {
      json header{{"name", std::string{each.key}}};
      put_bytes(header, "value", each.value);
      headers.push_back(std::move(header));
    }
    object["headers"] = std::move(headers);
    write(object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
  }

  consume_settings const& settings_;
  bool headed_ = false;
};

// Reads some partitions, all in each fetch, until told to end.
class consumer {
 public:
  consumer(net::client& client, consume_settings const& settings)
      : client_(client), settings_(settings), printer_(settings), left_(settings.count) {}

  task<expected<void, error>> run();

 private:
  struct place {
    std::int32_t partition = 0;
    std::int64_t next = 0;  // to be printed
    std::int64_t end = 0;   // of the partition at the start
  };

  task<> locate(place& found);
  task<expected<void, error>> locate_all();
  task<expected<void, error>> read();
  task<expected<std::int64_t, error>> first_offset(net::topic_partition where);
  expected<void, error> print_batches(std::int32_t partition, std::int64_t& next,
                                      buffer_chain records);
  expected<void, error> print_batch(std::int32_t partition, std::int64_t next,
                                    log::batch_view const& batch);
  expected<void, error> check_output();
  bool done() const { return left_ == 0; }

  net::client& client_;
  consume_settings const& settings_;
  record_printer printer_;
  std::int64_t left_;  // -1: without end
  std::optional<error> failure_;
  std::vector<place> places_;
  std::optional<progress> shown_;  // while the records themselves go elsewhere
  std::uint64_t bytes_ = 0;        // of batches, as fetched
  std::uint64_t records_ = 0;
};

task<expected<void, error>> consumer::run() {
  if (::isatty(STDOUT_FILENO) == 0) shown_.emplace("consume", std::nullopt, core::current().now());
  auto located = co_await locate_all();
  if (!located) co_return located;
  auto ended = co_await read();
  if (!ended) co_return ended;
  std::fflush(stdout);
  co_return check_output();
}

// Whoever reads our output may have had enough (`| head`), which ends the command; any other
// failure is one that must not pass unseen, for output on a full disk is cut.
expected<void, error> consumer::check_output() {
  if (std::ferror(stdout) == 0) return {};
  left_ = 0;
  if (errno == EPIPE) return {};
  return fail(errc::io_error, "make room there and read again; nothing is lost in the topic",
              "cannot write the output: {}", std::strerror(errno));
}

task<expected<void, error>> consumer::locate_all() {
  auto count = co_await client_.partition_count(settings_.topic, false);
  if (!count) co_return unexpected<error>(count.error());
  std::set<std::int32_t> partitions{settings_.partitions.begin(), settings_.partitions.end()};
  for (std::int32_t each = 0; settings_.partitions.empty() && each < *count; ++each) {
    partitions.insert(each);
  }
  for (auto each : partitions) places_.push_back({.partition = each});
  task_set locating;
  for (auto& each : places_) locating.spawn(locate(each));
  co_await locating.join();
  if (failure_) co_return unexpected<error>(*failure_);
  co_return expected<void, error>{};
}

task<> consumer::locate(place& found) {
  net::topic_partition where{settings_.topic, found.partition};
  auto next = co_await first_offset(where);
  auto end = next ? co_await client_.offset_at(where, net::latest_timestamp) : next;
  if (!next || !end) {
    if (!failure_) failure_ = next ? end.error() : next.error();
    co_return;
  }
  found.next = *next;
  found.end = *end;
}

task<expected<std::int64_t, error>> consumer::first_offset(net::topic_partition where) {
  if (!settings_.from_time.empty()) {
    auto time = parse_time(settings_.from_time);
    if (!time) {
      co_return fail(errc::invalid, "write milliseconds since 1970, or 2026-09-21T10:15:30Z",
                     "'{}' is not a time", settings_.from_time);
    }
    auto found = co_await client_.offset_at(where, *time);
    if (!found || *found >= 0) co_return found;
    co_return co_await client_.offset_at(where, net::latest_timestamp);
  }
  if (settings_.offset == "earliest")
    co_return co_await client_.offset_at(where, net::earliest_timestamp);
  if (settings_.offset == "latest")
    co_return co_await client_.offset_at(where, net::latest_timestamp);
  std::int64_t number = 0;
  auto const& text = settings_.offset;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    co_return fail(errc::invalid,
                   "use earliest, latest, an offset such as 100, or -10 for the last ten",
                   "'{}' is not an offset", text);
  }
  if (!text.starts_with('-')) co_return number;
  auto first = co_await client_.offset_at(where, net::earliest_timestamp);
  auto latest = co_await client_.offset_at(where, net::latest_timestamp);
  if (!first || !latest) co_return first ? latest : first;
  co_return std::max(*first, *latest + number);
}

task<expected<void, error>> consumer::read() {
  while (!done()) {
    if (settings_.exit_at_end) {
      std::erase_if(places_, [](place const& each) { return each.next >= each.end; });
    }
    if (places_.empty()) break;
    std::vector<net::fetch_position> from;
    for (auto const& each : places_) from.push_back({each.partition, each.next});
    auto got = co_await client_.fetch(settings_.topic, from, {.max_wait_ms = fetch_wait_ms});
    if (!got) co_return unexpected<error>(got.error());
    for (std::size_t i = 0; i < places_.size() && !done(); ++i) {
      auto& each = places_[i];
      bytes_ += (*got)[i].records.size();
      auto printed = print_batches(each.partition, each.next, std::move((*got)[i].records));
      if (!printed) co_return printed;
    }
    if (shown_) shown_->update(bytes_, records_, core::current().now());
    // A reader at the end sees records at once.
    std::fflush(stdout);
    if (auto written = check_output(); !written) co_return written;
    // Whoever had nothing goes first: the others may have filled the answer.
    std::vector<place> served;
    std::vector<place> waiting;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      (places_[i].next == from[i].offset ? waiting : served).push_back(places_[i]);
    }
    waiting.insert(waiting.end(), served.begin(), served.end());
    places_ = std::move(waiting);
  }
  co_return expected<void, error>{};
}

expected<void, error> consumer::print_batches(std::int32_t partition, std::int64_t& next,
                                              buffer_chain records) {
  auto bytes = records.linearize();
  log::batch_cursor batches{bytes.bytes()};
  while (!done()) {
    auto batch = batches.next();
    if (!batch) break;
    if (!log::crc_matches(batch->bytes)) {
      return fail(errc::corrupt, "see the broker's log; `karst dump` shows a segment's batches",
                  "{}-{}: the batch at offset {} is damaged (wrong CRC)", settings_.topic,
                  partition, batch->header.base.value);
    }
    // Control batches hold transaction markers, nothing for a reader.
    if (!batch->header.control()) {
      if (auto printed = print_batch(partition, next, *batch); !printed) return printed;
    }
    next = std::max(next, batch->header.next().value);
  }
  if (batches.state() == log::cursor_state::malformed) {
    return fail(errc::corrupt, "see the broker's log", "{}-{}: what follows offset {} is no batch",
                settings_.topic, partition, next);
  }
  return {};
}

expected<void, error> consumer::print_batch(std::int32_t partition, std::int64_t next,
                                            log::batch_view const& batch) {
  auto const& header = batch.header;
  buffer_chain bytes{buffer::copy_of(batch.bytes.subspan(log::batch_layout::header_bytes))};
  auto inflated = log::decompress(header.compression(), bytes, 0, bytes.size(), inflated_bytes_max);
  if (!inflated) {
    return fail(errc::corrupt, "see the broker's log",
                "{}-{}: the batch at offset {} cannot be inflated", settings_.topic, partition,
                header.base.value);
  }
  log::record_cursor records{inflated->bytes(), header.record_count};
  while (auto const* content = records.next()) {
    consumed_record record{partition, header.base.value + content->offset_delta,
                           header.time() == log::timestamp_type::log_append_time
                               ? header.max_timestamp
                               : header.base_timestamp + content->timestamp_delta,
                           content};
    if (record.offset < next) continue;
    if (left_ == 0) return {};
    if (left_ > 0) --left_;
    printer_.print(record);
    ++records_;
    if (std::ferror(stdout) != 0) return check_output();
  }
  return {};
}

task<expected<void, error>> consume(net::client& client, consume_settings const& settings) {
  consumer reader{client, settings};
  co_return co_await reader.run();
}

}  // namespace

void add_consume(CLI::App& app, int& status) {
  auto settings = std::make_shared<consume_settings>();
  auto* command = app.add_subcommand("consume", "Print the records of a topic, and wait for more");
  command->add_option("TOPIC", settings->topic, "What to read")->required();
  add_client_options(*command, settings->client);
  command->add_option("-p,--partition", settings->partitions,
                      "Only this one; may be repeated. All of them when left out");
  auto* offset =
      command
          ->add_option("-o,--offset", settings->offset,
                       "earliest, latest, an offset, or -N for the last N of each partition")
          ->capture_default_str();
  command
      ->add_option("--from-time", settings->from_time,
                   "From the first record at or after this time: milliseconds since 1970, "
                   "2026-09-21T10:15:30Z or 2026-09-21")
      ->excludes(offset);
  command->add_option("-n,--count", settings->count, "Stop after so many records")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()));
  command->add_flag("-e,--exit-at-end", settings->exit_at_end,
                    "Stop at what was the end of each partition at the start");
  add_choice<record_format>(
      *command, "--format", settings->format,
      {{"value", record_format::value},
       {"table", record_format::table},
       {"json", record_format::json}},
      "value: only the value of each record; table: with partition, offset, timestamp, key and "
      "headers; json: the same, one object for each line");
  command->add_option(
      "-K,--key-separator", settings->key_separator,
      "With --format value: print the key and this before the value; \\t for a tab");
  command->footer(
      "Examples:\n"
      "  karst consume greetings -e\n"
      "  karst consume orders -p 0 -o -10 --format table\n"
      "  karst consume orders --from-time 2026-09-21 -e --format json | jq .value");
  command->callback([settings, &status] {
    if (settings->key_separator == "\\t") settings->key_separator = "\t";
    status = run_client("consume", settings->client,
                        [&](net::client& client) { return consume(client, *settings); });
  });
}

}  // namespace karst::tools
