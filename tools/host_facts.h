#pragma once

#include <string>
#include <utility>
#include <vector>

namespace karst::tools {

// What the command line tools ask the operating system at their start; the broker itself never
// does.

// All environment variables.
std::vector<std::pair<std::string, std::string>> environment();
// An address of this machine that others can reach: the one that the default route leaves by, else
// the first that is not loopback, else 127.0.0.1.
std::string host_address();

}  // namespace karst::tools
