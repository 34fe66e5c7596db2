#pragma once

#include <cstdlib>

#include "reactor/base/logging.h"

namespace karst::sim {

// Thousands of simulated crashes and faults say the same thing thousands of times: not on the
// console, while one of these lives, unless KARST_SIM_LOGS is set.
class quiet_logs {
 public:
  quiet_logs() {
    if (std::getenv("KARST_SIM_LOGS") != nullptr) return;
    logging::set_sink([](logging::level, std::string_view) {});
  }
  ~quiet_logs() { logging::set_sink(nullptr); }
  quiet_logs(quiet_logs const&) = delete;
  quiet_logs& operator=(quiet_logs const&) = delete;
};

}  // namespace karst::sim
