// Reading many partitions with one request to each leader.
#include <set>

#include "net/client.h"
#include "reactor/core.h"
#include "reactor/task_set.h"

namespace karst::net {

// One call of fetch: what it asks for, and the answers so far.
struct client::fetch_round {
  std::string topic;
  std::vector<fetch_position> from;
  fetch_options options;
  std::vector<client_connection*> leaders;      // by place in `from`
  std::vector<std::optional<fetched>> answers;  // by place; none: to be asked for again
  std::optional<error> failure;

  topic_partition partition(std::size_t place) const { return {topic, from[place].partition}; }
};

namespace {

// The last version that names topics. A tool wants what has the name, whichever topic that is.
constexpr std::int16_t fetch_by_name = 12;

fetch_request to_request(std::string const& topic, fetch_options const& options) {
  fetch_request request{.max_wait_ms = options.max_wait_ms,
                        .min_bytes = 1,
                        .max_bytes = options.max_bytes,
                        .isolation = isolation_level::read_committed};
  request.topics.emplace_back().name = topic;
  return request;
}

}  // namespace

task<expected<void, error>> client::find_leaders(fetch_round& round, time_point attempts_until) {
  round.leaders.clear();
  for (std::size_t place = 0; place < round.from.size(); ++place) {
    auto leader = co_await leader_of(round.partition(place), false, attempts_until);
    if (!leader) co_return unexpected<error>(leader.error());
    round.leaders.push_back(*leader);
  }
  co_return expected<void, error>{};
}

task<> client::fetch_from(client_connection& leader, fetch_round& round,
                          time_point attempts_until) {
  auto request = to_request(round.topic, round.options);
  std::vector<std::size_t> places;
  for (std::size_t place = 0; place < round.from.size(); ++place) {
    if (round.leaders[place] != &leader || round.answers[place]) continue;
    places.push_back(place);
    request.topics.back().partitions.push_back({.index = round.from[place].partition,
                                                .fetch_offset = round.from[place].offset,
                                                .max_bytes = round.options.partition_max_bytes});
  }
  auto reply = co_await leader.ask<fetch_response>(std::move(request), std::nullopt, fetch_by_name);
  if (!reply) {
    if (!lost(reply.error()) || core::current().now() >= attempts_until) {
      round.failure = reply.error();
    }
    co_return;
  }
  std::map<std::int32_t, fetch_response::partition*> found;
  for (auto& topic : (*reply)->topics) {
    for (auto& each : topic.partitions) found[each.index] = &each;
  }
  for (auto place : places) {
    auto const where = round.partition(place);
    auto* result = found.contains(where.partition) ? found[where.partition] : nullptr;
    if (result == nullptr) {
      round.failure = incomplete(leader, where).error();
    } else if (result->error == error_code::none) {
      auto& got = round.answers[place].emplace(
          fetched{.high_watermark = result->high_watermark, .log_start = result->log_start_offset});
      if (result->records) got.records = join(std::move(result->records->pieces));
    } else if (!may_retry(result->error, attempts_until)) {
      auto what =
          fmt::format("cannot read {} at offset {}", where.text(), round.from[place].offset);
      round.failure = to_error(result->error, {}, what);
    }
  }
}

task<expected<std::vector<fetched>, error>> client::fetch(std::string topic,
                                                          std::vector<fetch_position> from,
                                                          fetch_options options) {
  auto attempts_until = patience();
  auto known = topics_.contains(topic);  // then a broker that is away is expected back
  fetch_round round{.topic = std::move(topic), .from = std::move(from), .options = options};
  round.answers.resize(round.from.size());
  while (true) {
    auto led = co_await find_leaders(round, attempts_until);
    if (led) {
      std::set<client_connection*> leaders{round.leaders.begin(), round.leaders.end()};
      task_set asking;
      for (auto* leader : leaders) asking.spawn(fetch_from(*leader, round, attempts_until));
      co_await asking.join();
      if (round.failure) co_return unexpected<error>(std::move(*round.failure));
    } else if (!known || !lost(led.error()) || core::current().now() >= attempts_until) {
      co_return unexpected<error>(led.error());
    }
    if (std::ranges::all_of(round.answers, [](auto const& each) { return each.has_value(); })) {
      break;
    }
    topics_.erase(round.topic);
    co_await pause();
  }
  std::vector<fetched> answers;
  for (auto& each : round.answers) answers.push_back(std::move(*each));
  co_return answers;
}

}  // namespace karst::net
