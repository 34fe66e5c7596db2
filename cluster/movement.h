#pragma once

#include <vector>

#include "log/types.h"
#include "reactor/buffer.h"
#include "reactor/task.h"
#include "reactor/waiters.h"

namespace karst::cluster {

class broker;

struct watched_partition {
  core_id core = no_core;
  log::log_id log{};
  log::offset seen{};  // the high watermark that the caller has already taken into account
};

// Parks a fetch: returns signalled when the high watermark of any of these partitions has passed
// what was seen, or a partition has gone away; timed_out at the deadline; aborted when `abort` (the
// connection is closing) is requested. Called on the connection's core; the watching is done on the
// cores that own the partitions. Nothing is missed between the caller's read and this call, because
// owners compare with `seen` first.
task<wake_reason> wait_for_movement(broker& broker, std::vector<watched_partition> watched,
                                    time_point deadline, abort_source* abort);

}  // namespace karst::cluster
