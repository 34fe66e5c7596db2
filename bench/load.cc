#include "bench/load.h"

#include "bench/arrivals.h"
#include "bench/consume_load.h"
#include "bench/load_batches.h"
#include "bench/process_cpu.h"
#include "bench/produce_load.h"
#include "bench/stamp.h"
#include "reactor/core.h"

namespace karst::bench {
namespace {

// How long records of an end-to-end load may still be on their way when the last is acknowledged:
// so long after the newest that came, and in all, and after a person's Ctrl-C.
constexpr duration last_arrivals = 3s;
constexpr duration all_arrivals = 30s;
constexpr duration arrivals_after_stop = 1s;
constexpr duration arrivals_asked_every = 10ms;

struct stop_hook : abort_subscription {
  load_run* run = nullptr;
};

// What is connected, and then runs.
struct load_parts {
  std::unique_ptr<produce_load> producers;  // of all kinds but consume
  std::unique_ptr<consume_load> consumers;  // of all kinds but produce
  tally* produced = nullptr;
  tally* consumed = nullptr;
  tally* arrived = nullptr;                // end to end
  std::unique_ptr<arrivals> on_their_way;  // end to end
  bool readers_behind = false;
  abort_source no_more_reading;
};

tally& add_side(load_result& result, std::string name) {
  result.sides.push_back(std::make_unique<load_side>(std::move(name), tally{result.run->times()}));
  return result.sides.back()->counts;
}

task<> watch_seconds(load_result& result, std::function<void(load_result const&)> each_second) {
  auto const& run = *result.run;
  for (auto at = run.times().start + 1s; !run.is_over(); at += 1s) {
    (void)co_await sleep_until{at, &result.run->over()};
    auto now = core::current().clock().now();
    for (auto& side : result.sides) side->counts.advance(now);
    if (!run.is_over() || at <= run.times().end) each_second(result);
  }
}

task<> read_until_over(load_parts& parts, load_run& run) {
  (void)co_await sleep_until{never, &run.over()};
  parts.no_more_reading.request();
}

task<> read_until_arrived(load_parts& parts, load_run& run) {
  auto& here = core::current();
  auto const end = here.now() + (run.is_cut_short() ? arrivals_after_stop : all_arrivals);
  auto patience = here.now() + last_arrivals;
  auto seen = parts.arrived->all_records();
  while (parts.on_their_way->on_their_way() != 0 && here.now() < std::min(patience, end) &&
         !run.failure()) {
    (void)co_await sleep_until{here.now() + arrivals_asked_every};
    if (std::exchange(seen, parts.arrived->all_records()) != parts.arrived->all_records()) {
      patience = here.now() + last_arrivals;
    }
  }
  parts.readers_behind = parts.on_their_way->on_their_way() != 0 && here.now() < patience;
  parts.on_their_way->settle(*parts.arrived, here.clock().now());
  parts.no_more_reading.request();
}

task<> produce(load_parts& parts, load_run& run) {
  co_await parts.producers->drive(run, *parts.produced, parts.on_their_way.get());
  if (parts.arrived != nullptr) co_await read_until_arrived(parts, run);
}

task<> consume(load_parts& parts, load_run& run) {
  co_await parts.consumers->drive(run, *parts.consumed, parts.no_more_reading);
  // All is read.
  if (!parts.producers) run.stop();
}

task<> drive(load_parts& parts, load_run& run) {
  task_set sides;
  if (parts.consumers) sides.spawn(consume(parts, run));
  if (parts.arrived == nullptr) sides.spawn(read_until_over(parts, run));
  if (parts.producers) sides.spawn(produce(parts, run));
  co_await sides.join();
}

void arrange_arrivals(load_parts& parts, load_run& run, std::uint64_t load) {
  parts.consumers->visit_answers(
      [&parts, &run, load](std::span<std::byte const> answer, time_point now) {
        auto seen = visit_stamps(answer, load, [&](time_point due, std::size_t bytes) {
          parts.arrived->arrived(due, now, bytes);
          parts.on_their_way->arrived(due);
        });
        if (seen) return;
        run.fail({errc::corrupt, fmt::format("what was fetched cannot be read: {}", seen.error()),
                  "see the broker's log"});
      });
}

}  // namespace

std::string_view name(load_kind kind) {
  switch (kind) {
    case load_kind::produce:
      return "produce";
    case load_kind::consume:
      return "consume";
    case load_kind::end_to_end:
      return "end-to-end";
    case load_kind::mixed:
      return "mixed";
  }
  return "";
}

namespace {

// What can be refused before a topic is made.
expected<void, error> check_connections(load_kind kind, load_options const& options) {
  auto const topics = static_cast<std::uint32_t>(options.topics);
  if (kind != load_kind::consume && options.connections < topics) {
    return fail(errc::invalid, fmt::format("give at least {}", topics),
                "{} connections are too few for {} topics", options.connections, topics);
  }
  auto const wanted = std::uint64_t{topics} * options.subscriptions;
  if (kind != load_kind::produce && options.consumers < wanted) {
    return fail(errc::invalid, fmt::format("give at least {}", wanted),
                "{} consumers are too few for {} subscriptions of {} topics", options.consumers,
                options.subscriptions, topics);
  }
  return {};
}

task<expected<void, error>> connect(load_parts& parts, load_kind kind, load_options& options,
                                    net::client& client, std::size_t& lane_count,
                                    std::uint64_t load) {
  if (auto fit = check_connections(kind, options); !fit) co_return fit;
  std::vector<buffer> batches;
  // End to end each is built when it is due.
  if (kind == load_kind::produce || kind == load_kind::mixed) {
    auto built = build_batches(options);
    if (!built) co_return unexpected<error>(built.error());
    batches = std::move(*built);
  }
  auto lanes = co_await find_lanes(client, options, kind != load_kind::consume);
  if (!lanes) co_return unexpected<error>(lanes.error());
  lane_count = lanes->size();
  if (kind != load_kind::consume) {
    auto stamped = kind == load_kind::end_to_end ? std::optional{load} : std::nullopt;
    auto producers = co_await produce_load::connect(options, *lanes, std::move(batches), stamped);
    if (!producers) co_return unexpected<error>(producers.error());
    parts.producers = std::move(*producers);
  }
  if (kind != load_kind::produce) {
    // Several readers of one partition would count what arrives several times.
    auto const others = parts.producers ? surplus::stay_idle : surplus::share;
    auto consumers = co_await consume_load::connect(options, *lanes, others, client.patience());
    if (!consumers) co_return unexpected<error>(consumers.error());
    parts.consumers = std::move(*consumers);
    options.consumers = parts.consumers->connection_count();
  }
  co_return expected<void, error>{};
}

task<> run_parts(load_parts& parts, load_result& result, abort_source& stop,
                 std::function<void(load_result const&)> each_second) {
  stop_hook hook;
  hook.run = result.run.get();
  hook.notify = [](abort_subscription& self) { static_cast<stop_hook&>(self).run->stop(); };
  stop.subscribe(hook);
  if (stop.requested()) result.run->stop();
  task_set working;
  working.spawn(result.run->keep_time());
  working.spawn(watch_seconds(result, std::move(each_second)));
  working.spawn(drive(parts, *result.run));
  co_await working.join();
  hook.unlink();
}

}  // namespace

task<expected<load_result, error>> run_load(load_kind kind, load_options options,
                                            net::client& client, abort_source& stop,
                                            std::function<void(load_result const&)> each_second) {
  if (options.broker_pid != 0 && !cpu_seconds_of(options.broker_pid)) {
    co_return fail(errc::not_found, "give the pid of the broker's process on this machine",
                   "there is no process {}", options.broker_pid);
  }
  if (kind == load_kind::end_to_end) options.mode = consume_mode::tail;
  if (options.record_rate > 0 && options.rate == 0) {
    options.rate = options.record_rate / options.records_per_batch;
  }
  load_parts parts;
  load_result result{.kind = kind};
  auto const load = core::current().clock().random();
  auto connected = co_await connect(parts, kind, options, client, result.lanes, load);
  if (connected) {
    result.run = std::make_unique<load_run>(options, core::current().clock().now());
    if (parts.producers) parts.produced = &add_side(result, "produce");
    if (parts.consumers) parts.consumed = &add_side(result, "consume");
    if (kind == load_kind::end_to_end) {
      parts.arrived = &add_side(result, "end-to-end");
      parts.on_their_way = std::make_unique<arrivals>(options.subscriptions);
      arrange_arrivals(parts, *result.run, load);
    }
    co_await run_parts(parts, result, stop, std::move(each_second));
    result.readers_behind = parts.readers_behind;
  }
  if (parts.consumers) co_await parts.consumers->close();
  if (parts.producers) co_await parts.producers->close();
  if (!connected) co_return unexpected<error>(connected.error());
  co_return result;
}

}  // namespace karst::bench
