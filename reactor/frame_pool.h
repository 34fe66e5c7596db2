#pragma once

#include <cstddef>

namespace karst {

// Coroutine frames, from free lists by size class, one set per thread: a warm path allocates
// nothing from the heap. A frame is freed on the thread that allocated it, because tasks never
// change core. Sanitizer builds go straight to the heap, so that they see every frame.
void* allocate_frame(std::size_t size);
void free_frame(void* frame, std::size_t size);

}  // namespace karst
