#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <string_view>

namespace karst::logging {

enum class level : std::uint8_t { debug, info, warn, error };

// Lines in Kafka's form: "[2026-09-21 10:15:30,123] INFO message (component)". Written whole to
// stderr by one write(2), so that lines of several cores never mix. What came from a peer is
// escaped (no control characters, no line breaks).
void set_level(level least);
bool enabled(level at);
// Tests capture lines instead; nullptr restores stderr.
using sink = void (*)(level at, std::string_view line);
void set_sink(sink sink);

void write(level at, std::string_view component, std::string_view text);

template <typename... Args>
void debug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level::debug))
    write(level::debug, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void info(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level::info))
    write(level::info, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void warn(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level::warn))
    write(level::warn, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void error(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level::error))
    write(level::error, component, fmt::format(format, std::forward<Args>(args)...));
}

// At most one line per second for one site; the next line says how many were left out. A static
// object at the site.
class rate_limit {
 public:
  // False: stay silent. Otherwise `left_out` lines were suppressed since the last.
  bool pass(std::uint64_t& left_out);

 private:
  std::atomic<std::int64_t> next_ms_{0};
  std::atomic<std::uint64_t> suppressed_{0};
};

// Text of a peer made safe for a line: printable ASCII kept, the rest as \xNN, at most `most`
// bytes.
std::string escape(std::string_view text, std::size_t most = 200);

}  // namespace karst::logging
