#pragma once

#include <string>

#include "bench/load_result.h"

namespace karst::bench {

// What one side of a load comes to.
struct side_figures {
  double requests_per_second = 0;
  double records_per_second = 0;
  double megabytes_per_second = 0;  // of record batches, as they are on the wire; 10^6 bytes
  double p50_ms = 0;
  double p99_ms = 0;
  double p999_ms = 0;
  double max_ms = 0;
};
side_figures figures_of(load_side const& side, double seconds);

// The errors of a side by Kafka's names, the most frequent first: "12 x NOT_LEADER_OR_FOLLOWER".
std::string errors_of(load_side const& side);

std::string verdict_of(load_result const& result);

// What was asked for, in a line: "64 connections x 1 in flight, ...".
std::string describe(load_result const& result);
// Processor time: of the broker per request and byte, and our own.
std::string describe_cpu(load_result const& result);
// For people, several lines.
std::string report_text(load_result const& result);
// One line. The names of a load with one side stand alone, those of several begin with the side's.
std::string report_json(load_result const& result);
// The second that ended last, for the line that is shown while a load runs.
std::string live_line(load_result const& result);

}  // namespace karst::bench
