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
// Throws CLI::ValidationError for what only shows when all options are known.
void check_bench_arguments(bench_arguments const& arguments);

}  // namespace karst::tools
