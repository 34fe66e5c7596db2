#pragma once

#include <optional>

namespace karst::bench {

// Seconds of processor time, in user and kernel, that a process has used: all of its threads, those
// that have ended and the kernel's workers for its io_uring (iou-wrk) included. What the kernel
// does in interrupts for its sockets counts for whoever runs then. nullopt: there is no such
// process. In ticks of 10 ms.
std::optional<double> cpu_seconds_of(int pid);

// The same of this process, to the microsecond.
double own_cpu_seconds();

// The same of everything that runs on this machine.
double machine_cpu_seconds();

// The machine's processors that are online.
int machine_cores();

}  // namespace karst::bench
