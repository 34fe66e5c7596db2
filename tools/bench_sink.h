#pragma once

#include <CLI/CLI.hpp>

namespace karst::tools {

// `karst bench sink`: adds itself to `karst bench`, as in commands.h.
void add_bench_sink(CLI::App& bench, int& status);

}  // namespace karst::tools
