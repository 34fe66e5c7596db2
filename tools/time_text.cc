#include "tools/time_text.h"

#include <fmt/format.h>

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

}  // namespace karst::tools
