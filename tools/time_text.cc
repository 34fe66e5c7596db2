#include "tools/time_text.h"

#include <fmt/format.h>

#include <charconv>
#include <ctime>

namespace karst::tools {

std::string time_text(wall_ms at) {
  if (at < 0) return fmt::to_string(at);
  auto seconds = static_cast<std::time_t>(at / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return fmt::to_string(at);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900LL,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     at % 1000);
}

std::optional<wall_ms> parse_time(std::string const& text) {
  wall_ms ms = 0;
  auto const* last = text.data() + text.size();
  auto [end, failure] = std::from_chars(text.data(), last, ms);
  if (failure == std::errc{} && end == last) return ms;
  for (auto const* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    auto const* rest = ::strptime(text.c_str(), form, &parts);
    if (rest == nullptr) continue;
    auto whole = static_cast<wall_ms>(::timegm(&parts)) * 1000;
    unsigned fraction = 0;
    if (rest[0] == '.' && last - rest >= 4) {
      auto [after, bad] = std::from_chars(rest + 1, rest + 4, fraction);
      if (bad == std::errc{} && after == rest + 4) rest += 4;
    }
    if (*rest == 'Z') ++rest;
    if (rest == last) return whole + fraction;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  std::int64_t total = 0;
  auto any = false;
  auto iso = text.starts_with('P');
  if (iso) text.remove_prefix(1);
  while (!text.empty()) {
    if (iso && text.starts_with('T')) text.remove_prefix(1);
    std::int64_t number = 0;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || number < 0 || number > 1'000'000'000) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (text.empty()) return std::nullopt;
    switch (text.front() | 0x20) {
      case 'd':
        total += number * 86'400'000;
        break;
      case 'h':
        total += number * 3'600'000;
        break;
      case 'm':
        total += number * 60'000;
        break;
      case 's':
        total += number * 1'000;
        break;
      default:
        return std::nullopt;
    }
    text.remove_prefix(1);
    any = true;
  }
  return any ? std::optional{total} : std::nullopt;
}

std::string duration_text(double seconds) {
  if (seconds < 120) return fmt::format("{:.1f} s", seconds);
  if (seconds < 7200) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 2 * 86'400) return fmt::format("{:.0f} h", seconds / 3600);
  return fmt::format("{:.0f} d", seconds / 86'400);
}

}  // namespace karst::tools
