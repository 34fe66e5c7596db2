#pragma once

#include <cstddef>

namespace karst {

// Gives memory its pages now, by one call (MADV_POPULATE_WRITE): for what is written in full soon.
// A fault for each page costs twice as much. From the first byte's page on; a kernel that cannot
// (before 5.14), or has no memory now, leaves it to the faults.
void populate(std::byte* memory, std::size_t bytes);

}  // namespace karst
