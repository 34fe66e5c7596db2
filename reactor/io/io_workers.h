#pragma once

#include <cstdint>

namespace karst {

// Worker threads that the kernel runs for the rings of the calling thread (named iou-wrk-<thread
// id>): each stands for operations that were not done asynchronously. A look through
// /proc/self/task.
std::uint64_t count_kernel_workers();

}  // namespace karst
