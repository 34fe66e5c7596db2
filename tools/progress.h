#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reactor/base/units.h"

namespace karst::tools {

// A line on stderr that says how far long work is; only on a terminal, and only after its first
// second.
class progress {
 public:
  progress(std::string what, std::optional<std::uint64_t> total_bytes, time_point now);
  ~progress();
  void update(std::uint64_t bytes, std::uint64_t records, time_point now);

 private:
  std::string what_;
  std::optional<std::uint64_t> total_;
  time_point started_;
  time_point next_;
  bool terminal_;
  bool shown_ = false;
};

}  // namespace karst::tools
