#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <limits>
#include <set>

#include "reactor/core.h"
#include "tools/commands.h"
#include "tools/consume_group.h"
#include "tools/progress.h"
#include "tools/time_text.h"

namespace karst::tools {
namespace {

// How long the broker may hold a fetch at the end of the log: new records come at once all the
// same, because a fetch waits for all partitions.
constexpr std::int32_t fetch_wait_ms = 500;
// So much text is gathered before it goes to standard output.
constexpr std::size_t text_bytes = 64 * KiB;

// Reads some partitions, all in each fetch, until told to end.
class consumer {
 public:
  consumer(net::client& client, consume_settings const& settings)
      : client_(client), settings_(settings), printer_(settings.print), left_(settings.count) {}

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
  expected<void, error> print_fetched(place& at, buffer_chain records);
  expected<void, error> write_text();
  expected<void, error> check_output();
  bool done() const { return left_ == 0; }

  net::client& client_;
  consume_settings const& settings_;
  record_printer printer_;
  std::string text_;   // printed, not written
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
  auto count = co_await client_.partition_count(settings_.print.topic, false);
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
  net::topic_partition where{settings_.print.topic, found.partition};
  auto next = co_await first_offset(client_, where, settings_.start);
  auto end = next ? co_await client_.offset_at(where, net::latest_timestamp) : next;
  if (!next || !end) {
    if (!failure_) failure_ = next ? end.error() : next.error();
    co_return;
  }
  found.next = *next;
  found.end = *end;
}

task<expected<void, error>> consumer::read() {
  while (!done()) {
    if (settings_.exit_at_end) {
      std::erase_if(places_, [](place const& each) { return each.next >= each.end; });
    }
    if (places_.empty()) break;
    std::vector<net::fetch_position> from;
    for (auto const& each : places_) from.push_back({each.partition, each.next});
    auto got = co_await client_.fetch(settings_.print.topic, from, {.max_wait_ms = fetch_wait_ms});
    if (!got) co_return unexpected<error>(got.error());
    for (std::size_t i = 0; i < places_.size() && !done(); ++i) {
      auto& each = places_[i];
      bytes_ += (*got)[i].records.size();
      auto printed = print_fetched(each, std::move((*got)[i].records));
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

expected<void, error> consumer::print_fetched(place& at, buffer_chain records) {
  fetched_records walk{{settings_.print.topic, at.partition}, at.next, records};
  while (!done()) {
    auto record = walk.next();
    if (!record) return unexpected<error>(record.error());
    at.next = walk.position();
    if (*record == nullptr) break;
    printer_.print(**record, text_);
    ++records_;
    if (left_ > 0) --left_;
    if (text_.size() < text_bytes) continue;
    if (auto written = write_text(); !written) return written;
  }
  return write_text();
}

expected<void, error> consumer::write_text() {
  std::fwrite(text_.data(), 1, text_.size(), stdout);
  text_.clear();
  return check_output();
}

task<expected<void, error>> consume(net::client& client, consume_settings const& settings) {
  consumer reader{client, settings};
  co_return co_await reader.run();
}

}  // namespace

task<expected<std::int64_t, error>> first_offset(net::client& client, net::topic_partition where,
                                                 start_choice const& choice) {
  if (!choice.from_time.empty()) {
    auto time = parse_time(choice.from_time);
    if (!time) {
      co_return fail(errc::invalid, "write milliseconds since 1970, or 2026-09-21T10:15:30Z",
                     "'{}' is not a time", choice.from_time);
    }
    auto found = co_await client.offset_at(where, *time);
    if (!found || *found >= 0) co_return found;
    co_return co_await client.offset_at(where, net::latest_timestamp);
  }
  if (choice.offset == "earliest")
    co_return co_await client.offset_at(where, net::earliest_timestamp);
  if (choice.offset == "latest") co_return co_await client.offset_at(where, net::latest_timestamp);
  std::int64_t number = 0;
  auto const& text = choice.offset;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size()) {
    co_return fail(errc::invalid,
                   "use earliest, latest, an offset such as 100, or -10 for the last ten",
                   "'{}' is not an offset", text);
  }
  if (!text.starts_with('-')) co_return number;
  auto first = co_await client.offset_at(where, net::earliest_timestamp);
  auto latest = co_await client.offset_at(where, net::latest_timestamp);
  if (!first || !latest) co_return first ? latest : first;
  co_return std::max(*first, *latest + number);
}

void add_consume(CLI::App& app, int& status) {
  auto settings = std::make_shared<consume_settings>();
  auto* command = app.add_subcommand("consume", "Print the records of a topic, and wait for more");
  command->add_option("TOPIC", settings->print.topic, "What to read")->required();
  add_client_options(*command, settings->client);
  auto* partition =
      command->add_option("-p,--partition", settings->partitions,
                          "Only this one; may be repeated. All of them when left out");
  command
      ->add_option("-g,--group", settings->group,
                   "Read as a member of this group: its partitions are shared among its members, "
                   "and it goes on where it has committed; --offset and --from-time say where it "
                   "begins without a commit")
      ->excludes(partition);
  command
      ->add_option("--instance", settings->instance,
                   "With --group: a name under which this member keeps its partitions over a "
                   "restart (group.instance.id)")
      ->needs("--group");
  auto* offset =
      command
          ->add_option("-o,--offset,--from", settings->start.offset,
                       "earliest, latest, an offset, or -N for the last N of each partition")
          ->capture_default_str();
  command
      ->add_option("--from-time", settings->start.from_time,
                   "From the first record at or after this time: milliseconds since 1970, "
                   "2026-09-21T10:15:30Z or 2026-09-21")
      ->excludes(offset);
  command->add_option("-n,--count", settings->count, "Stop after so many records")
      ->check(CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()));
  command->add_flag("-e,--exit-at-end", settings->exit_at_end,
                    "Stop at what was the end of each partition at the start");
  add_choice<record_format>(
      *command, "--format", settings->print.format,
      {{"value", record_format::value},
       {"table", record_format::table},
       {"json", record_format::json}},
      "value: only the value of each record; table: with partition, offset, timestamp, key and "
      "headers; json: the same, one object for each line");
  command->add_option(
      "-K,--key-separator", settings->print.key_separator,
      "With --format value: print the key and this before the value; \\t for a tab");
  command->footer(
      "Examples:\n"
      "  karst consume greetings -e\n"
      "  karst consume orders -p 0 -o -10 --format table\n"
      "  karst consume orders --from-time 2026-09-21 -e --format json | jq .value\n"
      "  karst consume orders --group billing\n"
      "\n"
      "With --group an offset is committed when its record has been written to standard output: "
      "after\n"
      "a failure some records may be printed twice, and none is left out. What a pipe took counts "
      "as\n"
      "written, so end a reader with --count, not with `| head`. SIGINT and SIGTERM commit and "
      "leave.");
  command->callback([settings, &status] {
    if (settings->print.key_separator == "\\t") settings->print.key_separator = "\t";
    if (settings->group.empty()) {
      status = run_client("consume", settings->client,
                          [&](net::client& client) { return consume(client, *settings); });
      return;
    }
    status = run_stoppable_client("consume", settings->client,
                                  [&](net::client& client, abort_source& stop) {
                                    return consume_in_group(client, *settings, stop);
                                  });
  });
}

}  // namespace karst::tools
