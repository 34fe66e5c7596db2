#pragma once

#include <string>

#include "log/log_manager.h"

namespace karst::cluster {

// A callback that writes "what: 40 %, about 3 s left" to the log: nothing in the first second, then
// at most once a second. One core.
log::progress_callback progress_report(std::string what);

}  // namespace karst::cluster
