#pragma once

#include "reactor/buffer.h"

namespace karst {

// The number of cores that this process may use: its affinity mask, and no more than the CPU quota
// of its cgroups (v2, cpu.max) rounded up, because threads beyond a quota only make each other
// wait. At least 1.
core_id usable_cores();

}  // namespace karst
