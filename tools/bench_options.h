#pragma once

#include "bench/load_result.h"
#include "tools/client_command.h"

namespace karst::tools {

// What a person gives to `karst bench`.
struct bench_arguments {
  client_settings client;
  bench::load_options load;
  double seconds = 10;
  double warm_up = 1;
  bool json = false;
  bool progress = false;
  std::string html;  // the page to write; empty: none
};

// Adds the options that a kind of load has.
void add_bench_options(CLI::App& command, bench::load_kind kind, bench_arguments& arguments);
// What follows from all options together, and throws CLI::ValidationError for what does not fit.
void settle_bench_arguments(CLI::App const& command, bench::load_kind kind,
                            bench_arguments& arguments);

}  // namespace karst::tools
