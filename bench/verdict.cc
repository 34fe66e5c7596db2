#include "bench/verdict.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <span>

namespace karst::bench {
namespace {

// From here on the bench may have been what limited the broker.
constexpr double own_cpu_high = 0.9;
// From here on, of all cores, processor time was what limited broker and bench together.
constexpr double machine_full = 0.9;
// What other processes may use of a machine before the figures are not its own.
constexpr double others_told = 0.2;
constexpr double rate_kept = 0.98;
// A change of throughput over a run, and a scatter between its seconds, that a reader should know.
constexpr double drift_told = 0.1;
constexpr double scatter_told = 0.15;
constexpr std::size_t seconds_to_judge = 6;
// A tail that is worth a word: many times the middle, and not within what a timer does.
constexpr int long_tail = 10;
constexpr duration tail_told = 5ms;

double mean_requests(std::span<second_of_load const> seconds) {
  double sum = 0;
  for (auto const& each : seconds) sum += static_cast<double>(each.requests);
  return seconds.empty() ? 0 : sum / static_cast<double>(seconds.size());
}

double scatter(std::span<second_of_load const> seconds, double mean) {
  double squares = 0;
  for (auto const& each : seconds) {
    auto off = static_cast<double>(each.requests) - mean;
    squares += off * off;
  }
  return std::sqrt(squares / static_cast<double>(seconds.size())) / mean;
}

double in_ms(duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

std::string judge_steadiness(std::span<second_of_load const> seconds) {
  auto third = seconds.size() / 3;
  auto mean = mean_requests(seconds);
  if (seconds.size() < seconds_to_judge || mean == 0) return {};
  auto first = mean_requests(seconds.first(third));
  auto last = mean_requests(seconds.last(third));
  if (first > 0 && std::abs(last / first - 1) > drift_told) {
    return fmt::format("drifting: throughput {} by {:.0f} % from the first third to the last",
                       last > first ? "rose" : "fell", 100 * std::abs(last / first - 1));
  }
  if (auto share = scatter(seconds, mean); share > scatter_told) {
    return fmt::format("unsteady: throughput varies by {:.0f} % from second to second",
                       100 * share);
  }
  return "steady";
}

std::string judge_errors(verdict_input const& input) {
  if (input.refused == 0) return {};
  auto all = static_cast<double>(input.requests + input.refused);
  auto percent = 100 * static_cast<double>(input.refused) / all;
  return fmt::format("errors: {:.{}f} % of the requests were refused, most with {}", percent,
                     percent < 1 ? 3 : 0, input.most_refused);
}

std::string judge_missing(verdict_input const& input) {
  if (input.missing == 0) return {};
  if (input.readers_behind) {
    return fmt::format("consumers were {} records behind when it ended", input.missing);
  }
  return fmt::format("{} records were {} and have not arrived", input.missing,
                     input.acknowledged ? "acknowledged" : "sent");
}

std::string judge_rate(verdict_input const& input) {
  if (input.wanted_rate <= 0 || input.reached_rate >= rate_kept * input.wanted_rate) return {};
  return fmt::format(
      "overloaded: {:.0f} of {:.0f} requests/s were answered, so latency is mostly waiting",
      input.reached_rate, input.wanted_rate);
}

// What limited a closed loop, as far as processor time tells.
std::string judge_limit(verdict_input const& input) {
  if (!input.broker_cores || input.requests == 0 || input.own_cpu_share >= own_cpu_high) return {};
  auto used = *input.broker_cores + input.own_cpu_share;
  if (used >= machine_full * input.machine_cores) {
    return fmt::format(
        "processor time is the limit: {:.1f} of {:.0f} cores are used by the broker, {:.1f} by the "
        "bench",
        *input.broker_cores, input.machine_cores, input.own_cpu_share);
  }
  if (input.busy_cores - used >= others_told * input.machine_cores) {
    return fmt::format("disturbed: others used {:.1f} of {:.0f} cores, run it on a quiet machine",
                       input.busy_cores - used, input.machine_cores);
  }
  if (input.wanted_rate > 0) return {};
  return fmt::format(
      "limited by waiting for answers, not by processor time ({:.1f} of {:.0f} cores)", used,
      input.machine_cores);
}

std::string judge_tail(verdict_input const& input) {
  if (input.p999 < tail_told || input.p999 < long_tail * input.p50) return {};
  return fmt::format("long tail: p99.9 is {:.1f} ms, {:.0f} times p50", in_ms(input.p999),
                     in_ms(input.p999) / std::max(in_ms(input.p50), 0.001));
}

}  // namespace

std::string give_verdict(verdict_input const& input) {
  std::vector<std::string> said;
  auto say = [&said](std::string what) {
    if (!what.empty()) said.push_back(std::move(what));
  };
  if (!input.failure.empty()) say("broken off: " + input.failure);
  say(judge_errors(input));
  if (input.requests == 0 && input.failure.empty() && input.refused == 0) {
    say("nothing was answered in the time that counts: run longer, or see the broker's log");
  }
  say(judge_missing(input));
  say(judge_rate(input));
  if (input.own_cpu_share >= own_cpu_high) {
    say(
        fmt::format("the bench itself is the limit, with {:.0f} % of a core: run several at once, "
                    "and add up their figures",
                    100 * input.own_cpu_share));
  }
  say(judge_limit(input));
  say(judge_steadiness(input.seconds));
  say(judge_tail(input));
  if (said.empty()) say("too short to tell whether it is steady");
  return fmt::format("{}", fmt::join(said, "; "));
}

}  // namespace karst::bench
