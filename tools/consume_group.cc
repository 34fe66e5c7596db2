#include "tools/consume_group.h"

#include <unistd.h>

#include <map>

#include "net/group_member.h"
#include "reactor/core.h"
#include "tools/output_writer.h"
#include "tools/progress.h"

namespace karst::tools {
namespace {

// How long the broker may hold a fetch at the end of the log; a rebalance waits for it.
constexpr std::int32_t fetch_wait_ms = 500;
constexpr duration commit_interval = 1s;
// So much text goes out at once.
constexpr std::size_t text_bytes = 256 * KiB;
// After a request to stop: who reads our output may still take what is printed.
constexpr duration time_to_write = 1s;
// A rebalance that takes longer, by more than the beat of Kafka's members, is worth a line.
constexpr duration quick_rebalance = 5s;

template <typename... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  fmt::print(stderr, "karst consume: {}\n", fmt::format(format, std::forward<Args>(args)...));
}

class group_consumer {
 public:
  group_consumer(net::client& client, net::client& own, consume_settings const& settings,
                 abort_source& stop)
      : client_(client),
        settings_(settings),
        stop_(stop),
        member_(own, client, options_of(settings)),
        printer_(settings.print),
        left_(settings.count) {}

  task<expected<void, error>> run();

 private:
  struct place {
    std::int32_t partition = 0;
    std::int64_t next = 0;      // to be fetched
    std::int64_t printed = 0;   // up to here it is in text_
    std::int64_t settled = -1;  // up to here it is committed, or in uncommitted_
  };

  static net::group_member_options options_of(consume_settings const& settings);
  task<expected<void, error>> take_part();
  task<> announce_wait(abort_source& joined);
  task<> leave_when_stopped();
  task<expected<net::partitions_by_topic, error>> join();
  task<expected<void, error>> locate(std::vector<std::int32_t> const& partitions);
  task<expected<void, error>> locate_one(std::int32_t partition,
                                         std::optional<std::int64_t> committed);
  task<> tell_assignment();
  task<expected<void, error>> read_until_rebalance();
  task<expected<void, error>> read_once();
  task<expected<void, error>> print_fetched(place& at, net::fetched const& got);
  task<expected<void, error>> relocate(error failure);
  task<expected<void, error>> flush();
  task<expected<void, error>> commit();

  bool done() const { return left_ == 0 || ended_ || stop_.requested(); }
  net::topic_partition where(std::int32_t partition) const {
    return {settings_.print.topic, partition};
  }

  net::client& client_;
  consume_settings const& settings_;
  abort_source& stop_;
  abort_source over_;     // the end of run()
  abort_source give_up_;  // output that nobody takes
  net::group_member member_;
  record_printer printer_;
  output_writer output_;
  std::int64_t left_;  // -1: without end
  bool ended_ = false;
  bool cut_ = false;  // what was printed last has not gone out: nothing more may be committed
  std::vector<place> places_;
  std::map<std::int32_t, std::int64_t> ends_;  // when first seen, for --exit-at-end
  std::string text_;
  net::offsets_by_partition uncommitted_;  // flushed
  time_point commit_at_{};
  std::optional<progress> shown_;
  std::uint64_t bytes_ = 0;
  std::uint64_t records_ = 0;
};

net::group_member_options group_consumer::options_of(consume_settings const& settings) {
  net::group_member_options options{.group = settings.group, .topics = {settings.print.topic}};
  if (!settings.instance.empty()) options.instance_id = settings.instance;
  return options;
}

task<expected<void, error>> group_consumer::run() {
  if (::isatty(STDOUT_FILENO) == 0) shown_.emplace("consume", std::nullopt, core::current().now());
  task_set watching;
  watching.spawn(leave_when_stopped());
  auto ended = co_await take_part();
  // What was flushed is committed even when something failed afterwards.
  auto committed = co_await commit();
  co_await member_.leave("karst consume ends");
  co_await member_.close();
  if (ended && !committed) ended = std::move(committed);
  over_.request();
  if (!stop_.requested()) stop_.request();
  co_await watching.join();
  co_return ended;
}

// A member that waits for others to join would not see that it shall stop, and one that writes
// gets a moment to end.
task<> group_consumer::leave_when_stopped() {
  (void)co_await sleep_until{never, &stop_};
  if (member_.joining()) co_await member_.leave("karst consume was stopped");
  (void)co_await sleep_until{core::current().now() + time_to_write, &over_};
  give_up_.request();
}

task<expected<void, error>> group_consumer::take_part() {
  auto count = co_await client_.partition_count(settings_.print.topic, false);
  if (!count) co_return unexpected<error>(count.error());
  while (!done()) {
    auto assigned = co_await join();
    if (stop_.requested()) break;
    if (!assigned) co_return unexpected<error>(assigned.error());
    auto located = co_await locate((*assigned)[settings_.print.topic]);
    if (!located) co_return located;
    co_await tell_assignment();
    if (auto settled = co_await flush(); !settled) co_return settled;
    if (auto read = co_await read_until_rebalance(); !read) co_return read;
    if (auto committed = co_await commit(); !committed) co_return committed;
  }
  co_return expected<void, error>{};
}

task<> group_consumer::announce_wait(abort_source& joined) {
  auto woken = co_await sleep_until{core::current().now() + quick_rebalance, &joined};
  if (woken == wake_reason::aborted) co_return;
  say("waiting for group {} to rebalance: another member has yet to join again, or to time out",
      settings_.group);
}

task<expected<net::partitions_by_topic, error>> group_consumer::join() {
  abort_source joined;
  task_set announcing;
  announcing.spawn(announce_wait(joined));
  auto assigned = co_await member_.join();
  joined.request();
  co_await announcing.join();
  co_return assigned;
}

// --- where to read

task<expected<void, error>> group_consumer::locate(std::vector<std::int32_t> const& partitions) {
  places_.clear();
  if (partitions.empty()) co_return expected<void, error>{};
  auto committed = co_await net::group_admin{client_}.offsets(settings_.group);
  if (!committed) co_return unexpected<error>(committed.error());
  for (auto partition : partitions) {
    auto found = committed->find(where(partition));
    auto offset = found == committed->end() ? std::nullopt : std::optional{found->second};
    if (auto located = co_await locate_one(partition, offset); !located) co_return located;
  }
  co_return expected<void, error>{};
}

// What is committed may have left the log since, or never been in it.
task<expected<void, error>> group_consumer::locate_one(std::int32_t partition,
                                                       std::optional<std::int64_t> committed) {
  auto first = co_await client_.offset_at(where(partition), net::earliest_timestamp);
  auto end = co_await client_.offset_at(where(partition), net::latest_timestamp);
  if (!first || !end) co_return unexpected<error>(first ? end.error() : first.error());
  ends_.try_emplace(partition, *end);
  if (committed && *committed >= *first && *committed <= *end) {
    places_.push_back({partition, *committed, *committed, *committed});
    co_return expected<void, error>{};
  }
  auto start = co_await first_offset(client_, where(partition), settings_.start);
  if (!start) co_return unexpected<error>(start.error());
  if (committed) {
    say("{}: group {} has committed offset {}, which is not in the log ({} to {}); reading on at "
        "{}",
        where(partition).text(), settings_.group, *committed, *first, *end, *start);
  }
  // Where it begins is committed at once: a member that waits at the end has its place there.
  places_.push_back({.partition = partition, .next = *start, .printed = *start});
  co_return expected<void, error>{};
}

// One line: on a terminal always, else only for what needs an eye.
task<> group_consumer::tell_assignment() {
  if (!places_.empty()) {
    if (::isatty(STDERR_FILENO) == 0) co_return;
    std::vector<std::int32_t> partitions;
    for (auto const& each : places_) partitions.push_back(each.partition);
    std::ranges::sort(partitions);
    say("reading partition{} {} of {} for group {}", partitions.size() == 1 ? "" : "s",
        fmt::join(partitions, ","), settings_.print.topic, settings_.group);
    co_return;
  }
  auto count = co_await client_.partition_count(settings_.print.topic, false);
  auto described = co_await net::group_admin{client_}.describe(settings_.group);
  if (!count || !described) co_return;
  say("no partition is assigned: group {} has {} members and topic {} {} partition{}; waiting as a "
      "spare",
      settings_.group, described->members.size(), settings_.print.topic, *count,
      *count == 1 ? "" : "s");
}

// --- reading

task<expected<void, error>> group_consumer::read_until_rebalance() {
  commit_at_ = core::current().now() + commit_interval;
  while (!done() && !member_.must_rejoin()) {
    if (member_.failure()) co_return unexpected<error>(*member_.failure());
    if (settings_.exit_at_end) {
      auto at_end = [this](place const& each) { return each.next >= ends_[each.partition]; };
      ended_ = std::ranges::all_of(places_, at_end);
      if (ended_) break;
    }
    if (places_.empty()) {
      (void)co_await sleep_until{core::current().now() + fetch_wait_ms * 1ms, &stop_};
      continue;
    }
    if (auto read = co_await read_once(); !read) co_return read;
    if (core::current().now() < commit_at_) continue;
    if (auto committed = co_await commit(); !committed) co_return committed;
  }
  co_return expected<void, error>{};
}

task<expected<void, error>> group_consumer::read_once() {
  std::vector<net::fetch_position> from;
  for (auto const& each : places_) from.push_back({each.partition, each.next});
  auto got = co_await client_.fetch(settings_.print.topic, from, {.max_wait_ms = fetch_wait_ms});
  if (!got) co_return co_await relocate(got.error());
  for (std::size_t i = 0; i < places_.size() && !done(); ++i) {
    bytes_ += (*got)[i].records.size();
    auto printed = co_await print_fetched(places_[i], (*got)[i]);
    if (!printed) co_return printed;
  }
  auto flushed = co_await flush();
  if (!flushed) co_return flushed;
  if (shown_) shown_->update(bytes_, records_, core::current().now());
  // Whoever had nothing goes first: the others may have filled the answer.
  std::vector<place> served;
  std::vector<place> waiting;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    (places_[i].next == from[i].offset ? waiting : served).push_back(places_[i]);
  }
  waiting.insert(waiting.end(), served.begin(), served.end());
  places_ = std::move(waiting);
  co_return expected<void, error>{};
}

task<expected<void, error>> group_consumer::print_fetched(place& at, net::fetched const& got) {
  fetched_records records{where(at.partition), at.next, got.records};
  while (!done()) {
    auto record = records.next();
    if (!record) co_return unexpected<error>(record.error());
    at.next = records.position();
    at.printed = at.next;
    if (*record == nullptr) break;
    printer_.print(**record, text_);
    ++records_;
    if (left_ > 0) --left_;
    if (text_.size() < text_bytes) continue;
    if (auto flushed = co_await flush(); !flushed) co_return flushed;
  }
  co_return expected<void, error>{};
}

// A committed offset may leave the log while we read: retention does not wait for groups.
task<expected<void, error>> group_consumer::relocate(error failure) {
  auto moved = false;
  auto before = std::exchange(places_, {});
  for (auto const& each : before) {
    if (auto located = co_await locate_one(each.partition, each.next); !located) co_return located;
    moved = moved || places_.back().next != each.next;
  }
  if (!moved) co_return unexpected<error>(std::move(failure));
  co_return expected<void, error>{};
}

// What has gone out may be committed.
task<expected<void, error>> group_consumer::flush() {
  if (cut_) co_return expected<void, error>{};
  if (!text_.empty()) {
    auto written = co_await output_.write(std::exchange(text_, {}), &give_up_);
    if (!written) {
      ended_ = cut_ = true;
      // Who reads our output has had enough, or we were told to stop while it did not read.
      auto enough = written.error().code == errc::reset || written.error().code == errc::cancelled;
      co_return enough ? expected<void, error>{} : written;
    }
  }
  for (auto& each : places_) {
    if (each.settled == each.printed) continue;
    each.settled = each.printed;
    uncommitted_[where(each.partition)] = each.printed;
  }
  co_return expected<void, error>{};
}

task<expected<void, error>> group_consumer::commit() {
  commit_at_ = core::current().now() + commit_interval;
  auto offsets = std::exchange(uncommitted_, {});
  auto committed = co_await member_.commit(offsets);
  if (!committed) co_return unexpected<error>(committed.error());
  if (!*committed) {
    say("group {} has gone on without this member; what it printed since its last commit may be "
        "printed again",
        settings_.group);
  }
  co_return expected<void, error>{};
}

}  // namespace

task<expected<void, error>> consume_in_group(net::client& client, consume_settings const& settings,
                                             abort_source& stop) {
  auto options = options_for(settings.client);
  if (!options) co_return unexpected<error>(options.error());
  net::client own{std::move(*options)};
  expected<void, error> ended;
  {
    group_consumer consumer{client, own, settings, stop};
    ended = co_await consumer.run();
  }
  co_await own.close();
  co_return ended;
}

}  // namespace karst::tools
