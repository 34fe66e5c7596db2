#include "bench/report.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "bench/process_cpu.h"
#include "bench/verdict.h"
#include "net/wire/error_codes.h"

namespace karst::bench {
namespace {

double in_ms(duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

std::string_view name_of_error(std::int16_t code) {
  return net::name_of(static_cast<net::error_code>(code));
}

std::vector<std::pair<std::uint64_t, std::int16_t>> sorted_errors(load_side const& side) {
  std::vector<std::pair<std::uint64_t, std::int16_t>> errors;
  for (auto [code, count] : side.counts.errors()) errors.emplace_back(count, code);
  std::ranges::sort(errors, std::greater{});
  return errors;
}

// Of all sides together, which is what the broker's processor time was for.
struct work_done {
  double requests = 0;
  double bytes = 0;
};

work_done work_of(load_result const& result) {
  work_done work;
  for (auto const& side : result.sides) {
    // Records on their way, which the requests of the other sides carry.
    if (side->counts.all_requests() == 0) continue;
    work.requests += static_cast<double>(side->counts.requests());
    work.bytes += static_cast<double>(side->counts.bytes());
  }
  return work;
}

double share_of_core(load_result const& result, double cpu_seconds) {
  return result.seconds() > 0 ? cpu_seconds / result.seconds() : 0;
}

// 1234567 -> "1,234,567".
std::string grouped(double value) {
  auto digits = fmt::format("{:.0f}", value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::int64_t whole(double value) { return std::llround(value); }

double rounded(double value, int digits) {
  auto scale = std::pow(10, digits);
  return std::round(value * scale) / scale;
}

std::string side_text(load_side const& side, double seconds) {
  auto figures = figures_of(side, seconds);
  auto const records_only = side.name == name(load_kind::end_to_end);
  auto requests =
      records_only ? std::string{} : grouped(figures.requests_per_second) + " requests/s, ";
  auto text = fmt::format("{:<12}{}{} records/s, {:.1f} MB/s{}\n", side.name, requests,
                          grouped(figures.records_per_second), figures.megabytes_per_second,
                          records_only ? " of values" : "");
  text += fmt::format("{:<12}p50 {:.2f} ms, p99 {:.2f}, p99.9 {:.2f}, max {:.2f}\n", "  latency",
                      figures.p50_ms, figures.p99_ms, figures.p999_ms, figures.max_ms);
  if (side.counts.missing() != 0) {
    text += fmt::format("{:<12}{} records\n", "  missing", side.counts.missing());
  }
  if (side.counts.refused() != 0) text += fmt::format("{:<12}{}\n", "  errors", errors_of(side));
  if (side.counts.unanswered() != 0) {
    text += fmt::format(
        "{:<12}{} {} when it ended\n", "  late",
        grouped(static_cast<double>(side.counts.unanswered())),
        records_only ? "records were due and had not come" : "requests were due and had no answer");
  }
  return text;
}

std::string describe_producers(load_options const& options) {
  auto text =
      fmt::format("{} connections x {} in flight, batches of {} x {} B", options.connections,
                  options.in_flight, options.records_per_batch, options.record_bytes);
  if (options.compression != log::codec::none) {
    text += fmt::format(", {}", log::name(options.compression));
  }
  if (options.keys != 0) text += fmt::format(", {} keys", grouped(options.keys));
  text += options.acks == -1 ? std::string{", acks all"} : fmt::format(", acks {}", options.acks);
  text += options.rate > 0 ? fmt::format(", open loop at {} requests/s", grouped(options.rate))
                           : std::string{", closed loop"};
  return text;
}

}  // namespace

side_figures figures_of(load_side const& side, double seconds) {
  auto const& counts = side.counts;
  auto per_second = [seconds](std::uint64_t count) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
  };
  auto const& latencies = counts.latencies();
  return {.requests_per_second = per_second(counts.requests()),
          .records_per_second = per_second(counts.records()),
          .megabytes_per_second = per_second(counts.bytes()) / 1e6,
          .p50_ms = in_ms(latencies.at(0.5)),
          .p99_ms = in_ms(latencies.at(0.99)),
          .p999_ms = in_ms(latencies.at(0.999)),
          .max_ms = in_ms(latencies.most())};
}

std::string errors_of(load_side const& side) {
  std::vector<std::string> texts;
  for (auto [count, code] : sorted_errors(side)) {
    texts.push_back(fmt::format("{} x {}", count, name_of_error(code)));
  }
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string verdict_of(load_result const& result) {
  auto const& first = *result.sides.front();
  auto figures = figures_of(first, result.seconds());
  verdict_input input{
      .failure = result.run->failure() ? result.run->failure()->what : "",
      .acknowledged = result.options().acks != 0,
      .readers_behind = result.readers_behind,
      .wanted_rate = result.kind == load_kind::consume ? 0 : result.options().rate,
      .reached_rate = figures.requests_per_second,
      .own_cpu_share = share_of_core(result, result.run->cpu().own_seconds),
      .machine_cores = static_cast<double>(machine_cores()),
  };
  if (auto broker = result.run->cpu().broker_seconds) {
    input.broker_cores = share_of_core(result, *broker);
    input.busy_cores = share_of_core(result, result.run->cpu().machine_seconds);
  }
  for (auto const& side : result.sides) {
    input.requests += side->counts.requests();
    input.refused += side->counts.counted_refused();
    input.missing += side->counts.missing();
    auto errors = sorted_errors(*side);
    if (!errors.empty() && input.most_refused.empty()) {
      input.most_refused = name_of_error(errors.front().second);
    }
  }
  // Consumers that have read all wait for records: their latency says nothing.
  auto const& timed =
      result.kind == load_kind::end_to_end ? *result.sides.back() : *result.sides.front();
  auto const& latencies = timed.counts.latencies();
  input.p50 = latencies.at(0.5);
  input.p99 = latencies.at(0.99);
  input.p999 = latencies.at(0.999);
  auto const& seconds = first.counts.by_second().seconds();
  auto warm = static_cast<std::size_t>(
      std::ceil(std::chrono::duration<double>(result.options().warm_up).count()));
  for (auto i = warm; i < seconds.size(); ++i) input.seconds.push_back(seconds[i]);
  return give_verdict(input);
}

std::string describe(load_result const& result) {
  auto const& options = result.options();
  std::vector<std::string> parts{fmt::format("{} partitions", result.lanes)};
  if (result.kind != load_kind::consume) parts.push_back(describe_producers(options));
  if (result.kind != load_kind::produce) {
    parts.push_back(fmt::format("{} consumers", options.consumers));
    if (options.fetches_in_flight != 1) {
      parts.back() += fmt::format(" x {} in flight", options.fetches_in_flight);
    }
  }
  return fmt::format("{}; {:.1f} s after {:.1f} s of warm-up", fmt::join(parts, ", "),
                     result.seconds(), std::chrono::duration<double>(options.warm_up).count());
}

std::string describe_cpu(load_result const& result) {
  auto const& cpu = result.run->cpu();
  auto work = work_of(result);
  auto text = fmt::format("bench {:.1f} CPU seconds, {:.0f} % of a core", cpu.own_seconds,
                          100 * share_of_core(result, cpu.own_seconds));
  if (!cpu.broker_seconds) {
    auto const pid = result.options().broker_pid;
    return pid == 0 ? text : fmt::format("broker unknown, process {} has ended; {}", pid, text);
  }
  if (work.requests == 0) return text;
  auto broker = fmt::format("broker {:.1f} CPU seconds per million requests",
                            *cpu.broker_seconds / work.requests * 1e6);
  if (work.bytes != 0) {
    broker += fmt::format(", {:.2f} per GB", *cpu.broker_seconds / work.bytes * 1e9);
  }
  return fmt::format("{}, {:.2f} cores; {}", broker, share_of_core(result, *cpu.broker_seconds),
                     text);
}

std::string report_text(load_result const& result) {
  auto text = fmt::format("{}\n", describe(result));
  for (auto const& side : result.sides) text += side_text(*side, result.seconds());
  text += fmt::format("{:<12}{}\n", "CPU", describe_cpu(result));
  text += fmt::format("{:<12}{}\n", "verdict", verdict_of(result));
  return text;
}

std::string report_json(load_result const& result) {
  nlohmann::ordered_json json;
  for (auto const& side : result.sides) {
    auto prefix = result.sides.size() == 1 ? std::string{} : side->name + "_";
    std::ranges::replace(prefix, '-', '_');
    auto figures = figures_of(*side, result.seconds());
    json[prefix + "requests_per_second"] = whole(figures.requests_per_second);
    json[prefix + "records_per_second"] = whole(figures.records_per_second);
    json[prefix + "megabytes_per_second"] = rounded(figures.megabytes_per_second, 3);
    json[prefix + "p50_ms"] = rounded(figures.p50_ms, 3);
    json[prefix + "p99_ms"] = rounded(figures.p99_ms, 3);
    json[prefix + "p999_ms"] = rounded(figures.p999_ms, 3);
    json[prefix + "max_ms"] = rounded(figures.max_ms, 3);
    json[prefix + "refused"] = side->counts.refused();
    json[prefix + "unanswered"] = side->counts.unanswered();
    json[prefix + "missing"] = side->counts.missing();
    json[prefix + "all_requests"] = side->counts.all_requests();
    json[prefix + "all_records"] = side->counts.all_records();
    json[prefix + "all_bytes"] = side->counts.all_bytes();
    auto& errors = json[prefix + "errors"] = nlohmann::ordered_json::object();
    for (auto [count, code] : sorted_errors(*side)) errors[name_of_error(code)] = count;
  }
  auto const& cpu = result.run->cpu();
  auto work = work_of(result);
  auto per = [&](double amount, double unit) -> nlohmann::ordered_json {
    if (!cpu.broker_seconds || amount == 0) return nullptr;
    return rounded(*cpu.broker_seconds / amount * unit, 3);
  };
  json["broker_cpu_us_per_request"] = per(work.requests, 1e6);
  json["broker_cpu_seconds_per_gb"] = per(work.bytes, 1e9);
  json["own_cpu_seconds"] = rounded(cpu.own_seconds, 3);
  json["own_cpu_share"] = rounded(share_of_core(result, cpu.own_seconds), 3);
  json["seconds"] = rounded(result.seconds(), 3);
  if (result.kind == load_kind::end_to_end) json["readers_behind"] = result.readers_behind;
  json["verdict"] = verdict_of(result);
  return json.dump() + "\n";
}

std::string live_line(load_result const& result) {
  std::string text;
  for (auto const& side : result.sides) {
    auto const& seconds = side->counts.by_second().seconds();
    if (seconds.empty()) continue;
    auto const& last = seconds.back();
    if (text.empty()) {
      auto counted = static_cast<double>(seconds.size()) * 1s >
                     std::chrono::duration<double>(result.options().warm_up);
      text = fmt::format("{:>4} s{}", seconds.size(), counted ? "" : " (warm-up)");
    }
    auto requests = side->counts.all_requests() != 0;
    text += fmt::format("  {}: {} {}/s, {:.1f} MB/s, p50 {:.2f} ms, p99 {:.2f}", side->name,
                        grouped(static_cast<double>(requests ? last.requests : last.records)),
                        requests ? "requests" : "records", static_cast<double>(last.bytes) / 1e6,
                        in_ms(last.p50), in_ms(last.p99));
    if (last.refused != 0) text += fmt::format(", {} refused", last.refused);
  }
  return text;
}

}  // namespace karst::bench
