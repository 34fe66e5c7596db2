#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/timeline.h"

namespace karst::bench {

// What the verdict looks at.
struct verdict_input {
  std::string failure;  // why the load broke; empty: it did not
  std::uint64_t requests = 0;
  std::uint64_t refused = 0;
  std::string most_refused;     // the name of the most frequent error
  std::uint64_t missing = 0;    // records that were written and did not come
  bool acknowledged = true;     // those were, not just sent
  bool readers_behind = false;  // they were still coming
  double wanted_rate = 0;       // 0: closed loop
  double reached_rate = 0;
  double own_cpu_share = 0;            // of one core
  std::optional<double> broker_cores;  // that the broker kept busy; none: not measured
  double machine_cores = 1;
  double busy_cores = 0;  // of the machine, whoever kept them busy
  duration p50{};
  duration p99{};
  duration p999{};
  std::vector<second_of_load> seconds;  // the counted ones
};

// One line for people: whether the figures mean what they seem to, and what limited them. The
// gravest comes first; nothing to complain about is said too.
std::string give_verdict(verdict_input const& input);

}  // namespace karst::bench
