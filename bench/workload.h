#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bench/load_options.h"
#include "reactor/base/expected.h"

namespace karst::bench {

// A workload file of the OpenMessaging Benchmark (openmessaging/benchmark, Workload.java), as far
// as it means something here.
struct workload {
  load_options load;
  std::string payload_file;        // as written; empty: payloads are made up
  std::vector<std::string> notes;  // what is accepted and goes another way here
};

// Reads the file's text over `defaults`. What is not in it stays; keys that are unknown, cannot be
// served, or have no valid value are refused. The error names the file, the line, and for a
// mistyped key the nearest one.
expected<workload, error> read_workload(std::string_view text, std::string_view file,
                                        load_options defaults);

}  // namespace karst::bench
