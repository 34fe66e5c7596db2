#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load_run.h"

namespace karst::bench {

enum class load_kind : std::uint8_t { produce, consume, end_to_end, mixed };

std::string_view name(load_kind kind);

// Producers, consumers, or records on their way from the ones to the others.
struct load_side {
  std::string name;  // as in the report: "produce", "consume", "end-to-end"
  tally counts;
};

// A load while it runs and after: what the report, the live line and the verdict are made from.
struct load_result {
  load_kind kind{};
  std::size_t lanes = 0;  // partitions, of all topics
  std::unique_ptr<load_run> run;
  std::vector<std::unique_ptr<load_side>> sides;
  bool readers_behind = false;  // end to end: records still came when the waiting had to end

  load_options const& options() const { return run->options(); }
  double seconds() const { return run->times().counted_seconds(); }
};

}  // namespace karst::bench
