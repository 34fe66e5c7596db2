#pragma once

#include <CLI/CLI.hpp>

namespace karst::tools {

// `karst group reset`: prints where a group would begin to read, and with --execute commits it.
void add_group_reset(CLI::App& group, int& status);

}  // namespace karst::tools
