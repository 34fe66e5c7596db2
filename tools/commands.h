#pragma once

#include <CLI/CLI.hpp>

namespace karst::tools {

// Each subcommand of the karst binary adds itself to the command line: one file each. Its callback
// runs when the command line is parsed and puts the process's exit status into `status`, which
// outlives the parse.
void add_serve(CLI::App& app, int& status);
void add_topic(CLI::App& app, int& status);
void add_produce(CLI::App& app, int& status);
void add_consume(CLI::App& app, int& status);
void add_group(CLI::App& app, int& status);
void add_doctor(CLI::App& app, int& status);
void add_dump(CLI::App& app, int& status);
void add_bench(CLI::App& app, int& status);

}  // namespace karst::tools
