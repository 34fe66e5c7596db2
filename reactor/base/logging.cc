#include "reactor/base/logging.h"

#include <unistd.h>

#include <ctime>
#include <iterator>

namespace karst::logging {
namespace {

std::atomic<level> least_level{level::info};
std::atomic<sink> installed_sink{nullptr};

constexpr std::string_view level_name(level at) {
  switch (at) {
    case level::debug:
      return "DEBUG";
    case level::info:
      return "INFO";
    case level::warn:
      return "WARN";
    case level::error:
      return "ERROR";
  }
  return "?";
}

void append_escaped(std::string& line, std::string_view text, bool ascii_only) {
  for (auto character : text) {
    auto byte = static_cast<unsigned char>(character);
    auto control = byte < 0x20 || byte == 0x7f;
    if (control || (ascii_only && byte >= 0x80)) {
      fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
    } else {
      line.push_back(character);
    }
  }
}

// "[2026-09-21 10:15:30,123]" in local time, as Kafka's log4j pattern prints it.
void append_time(std::string& line) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm local{};
  localtime_r(&now.tv_sec, &local);
  fmt::format_to(std::back_inserter(line), "[{:04}-{:02}-{:02} {:02}:{:02}:{:02},{:03}]",
                 local.tm_year + 1900, local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min,
                 local.tm_sec, now.tv_nsec / 1'000'000);
}

}  // namespace

void set_level(level least) { least_level.store(least, std::memory_order_relaxed); }
bool enabled(level at) { return at >= least_level.load(std::memory_order_relaxed); }
void set_sink(sink sink) { installed_sink.store(sink); }

void write(level at, std::string_view component, std::string_view text) {
  std::string line;
  line.reserve(text.size() + component.size() + 48);
  append_time(line);
  line += ' ';
  line += level_name(at);
  line += ' ';
  append_escaped(line, text, false);
  fmt::format_to(std::back_inserter(line), " ({})", component);
  if (auto capture = installed_sink.load()) return capture(at, line);
  line += '\n';
  // A log that cannot be written is not a reason to stop: the result is ignored on purpose.
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

bool rate_limit::pass(std::uint64_t& left_out) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  auto now_ms = now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
  auto next = next_ms_.load(std::memory_order_relaxed);
  if (now_ms < next || !next_ms_.compare_exchange_strong(next, now_ms + 1000)) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  left_out = suppressed_.exchange(0);
  return true;
}

std::string escape(std::string_view text, std::size_t most) {
  std::string safe;
  append_escaped(safe, text.substr(0, most), true);
  if (text.size() > most) safe += "...";
  return safe;
}

}  // namespace karst::logging
