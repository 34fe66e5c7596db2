#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reactor/base/units.h"

namespace karst::tools {

// "2026-09-21T10:15:30.123Z". What lies outside of what a calendar knows stays a number: a client
// may have sent any timestamp.
std::string time_text(wall_ms at);

// Milliseconds since 1970, or 2026-09-21T10:15:30.123Z, with or without milliseconds, seconds and
// time; nullopt: none of these.
std::optional<wall_ms> parse_time(std::string const& text);
// "90s", "1h30m", "2d", or as Kafka's tools want it, "PT1H30M", "P2D"; in milliseconds.
std::optional<std::int64_t> parse_duration(std::string_view text);
// "3.2 s", "12 min", "5 h", "3 d": for people.
std::string duration_text(double seconds);

}  // namespace karst::tools
