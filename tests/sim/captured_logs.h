#pragma once

#include <string>
#include <vector>

#include "reactor/base/logging.h"

namespace karst::sim {

// The lines that the code under test writes to the log while this lives; nothing goes to the
// console. One at a time.
class captured_logs {
 public:
  captured_logs() {
    lines().clear();
    logging::set_sink([](logging::level, std::string_view line) { lines().emplace_back(line); });
  }
  ~captured_logs() { logging::set_sink(nullptr); }
  captured_logs(captured_logs const&) = delete;
  captured_logs& operator=(captured_logs const&) = delete;

  static std::vector<std::string>& lines() {
    static std::vector<std::string> all;
    return all;
  }
  static std::size_t count(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(
        lines(), [text](std::string const& line) { return line.contains(text); }));
  }
};

}  // namespace karst::sim
