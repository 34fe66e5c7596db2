#pragma once

#include <string>

#include "reactor/base/units.h"

namespace karst::tools {

// "2026-09-21T10:15:30.123Z". What lies outside of what a calendar knows stays a number: a client
// may have sent any timestamp.
std::string time_text(wall_ms at);

}  // namespace karst::tools
