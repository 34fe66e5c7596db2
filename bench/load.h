#pragma once

#include <functional>

#include "bench/load_result.h"
#include "net/client.h"

namespace karst::bench {

// Runs a load from this core, from finding the partitions to the last answer. `each_second` is
// called while it runs; `stop` ends it early, and what was measured until then is the result. A
// connection that breaks ends it too: the result then has the failure. The error: it could not
// start.
task<expected<load_result, error>> run_load(load_kind kind, load_options options,
                                            net::client& client, abort_source& stop,
                                            std::function<void(load_result const&)> each_second);

}  // namespace karst::bench
