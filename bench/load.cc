#include "bench/load.h"

#include "bench/process_cpu.h"
#include "bench/produce_load.h"
#include "reactor/core.h"

namespace karst::bench {
namespace {

struct stop_hook : abort_subscription {
  load_run* run = nullptr;
};

task<> watch_seconds(load_result& result, std::function<void(load_result const&)> each_second) {
  auto const& times = result.run->times();
  for (auto at = times.start + 1s; !result.run->is_over(); at += 1s) {
    (void)co_await sleep_until{at, &result.run->over()};
    auto now = core::current().clock().now();
    for (auto& side : result.sides) side->counts.advance(now);
    if (!result.run->is_over() || at <= times.end) each_second(result);
  }
}

tally& add_side(load_result& result, std::string name) {
  result.sides.push_back(std::make_unique<load_side>(std::move(name), tally{result.run->times()}));
  return result.sides.back()->counts;
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

task<expected<load_result, error>> run_load(load_kind kind, load_options options,
                                            net::client& client, abort_source& stop,
                                            std::function<void(load_result const&)> each_second) {
  if (options.broker_pid != 0 && !cpu_seconds_of(options.broker_pid)) {
    co_return fail(errc::not_found, "give the pid of the broker's process on this machine",
                   "there is no process {}", options.broker_pid);
  }
  auto lanes = co_await find_lanes(client, options);
  if (!lanes) co_return unexpected<error>(lanes.error());
  auto producers = co_await produce_load::connect(options, *lanes);
  if (!producers) co_return unexpected<error>(producers.error());

  load_result result{.kind = kind, .lanes = lanes->size()};
  result.run = std::make_unique<load_run>(options);
  stop_hook hook;
  hook.run = result.run.get();
  hook.notify = [](abort_subscription& self) { static_cast<stop_hook&>(self).run->stop(); };
  stop.subscribe(hook);
  if (stop.requested()) result.run->stop();
  auto& produced = add_side(result, "produce");
  task_set working;
  working.spawn(result.run->keep_time());
  working.spawn(watch_seconds(result, std::move(each_second)));
  working.spawn((*producers)->drive(*result.run, produced));
  co_await working.join();
  co_await (*producers)->close();
  hook.unlink();
  co_return result;
}

}  // namespace karst::bench
