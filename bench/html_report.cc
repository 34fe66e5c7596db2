#include "bench/html_report.h"

#include <nlohmann/json.hpp>

#include "bench/html_page.h"
#include "bench/report.h"

namespace karst::bench {
namespace {

using json = nlohmann::ordered_json;

double in_ms(duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

json seconds_of(load_side const& side) {
  auto rows = json::array();
  for (auto const& each : side.counts.by_second().seconds()) {
    auto row = json::array({each.requests, each.records, each.bytes});
    for (auto latency : {each.p50, each.p99, each.most}) {
      // Nothing came in that second: it has no latency, certainly not the best.
      row.push_back(each.most == duration{} ? json{} : json(in_ms(latency)));
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

// How many latencies are left above each value, as a share: what a percentile's axis is made of.
json curve_of(load_side const& side) {
  auto points = json::array();
  auto const smallest =
      1.0 / static_cast<double>(std::max<std::uint64_t>(side.counts.latencies().count(), 1));
  for (auto const& each : side.counts.latencies().curve()) {
    points.push_back({std::max(1 - each.share, smallest), in_ms(each.value)});
  }
  return points;
}

std::vector<std::string> figures_row(load_side const& side, double seconds) {
  auto figures = figures_of(side, seconds);
  return {
      side.name,
      side.counts.all_requests() == 0 ? "-" : fmt::format("{:.0f}", figures.requests_per_second),
      fmt::format("{:.0f}", figures.records_per_second),
      fmt::format("{:.1f}", figures.megabytes_per_second),
      fmt::format("{:.2f}", figures.p50_ms),
      fmt::format("{:.2f}", figures.p99_ms),
      fmt::format("{:.2f}", figures.p999_ms),
      fmt::format("{:.2f}", figures.max_ms),
      side.counts.refused() == 0 ? std::string{"none"} : errors_of(side)};
}

// Inside a script element nothing may look like its end.
std::string for_script(json const& value) {
  std::string text;
  for (auto character : value.dump()) {
    if (character == '<') {
      text += "\\u003c";
    } else {
      text += character;
    }
  }
  return text;
}

}  // namespace

std::string report_html(load_result const& result) {
  json data;
  data["title"] = fmt::format("karst bench {}", name(result.kind));
  data["settings"] = describe(result) + "; " + describe_cpu(result);
  data["verdict"] = verdict_of(result);
  data["warm_up_seconds"] = std::chrono::duration<double>(result.options().warm_up).count();
  data["headings"] = {"",       "requests/s", "records/s", "MB/s",  "p50 ms",
                      "p99 ms", "p99.9 ms",   "max ms",    "errors"};
  data["figures"] = json::array();
  data["sides"] = json::array();
  for (auto const& side : result.sides) {
    data["figures"].push_back(figures_row(*side, result.seconds()));
    data["sides"].push_back(
        {{"name", side->name}, {"seconds", seconds_of(*side)}, {"curve", curve_of(*side)}});
  }
  return fmt::format("{}{}{}", html_before_data, for_script(data), html_after_data);
}

}  // namespace karst::bench
