#pragma once

#include <string>

#include "bench/load_result.h"

namespace karst::bench {

// The report as one page that needs nothing else: figures, throughput and latency second by second,
// and latency by percentile. It can be mailed, and opened without a network.
std::string report_html(load_result const& result);

}  // namespace karst::bench
