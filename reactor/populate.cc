#include "reactor/populate.h"

#include <sys/mman.h>

namespace karst {

void populate(std::byte* memory, std::size_t bytes) {
  (void)madvise(memory, bytes, MADV_POPULATE_WRITE);
}

}  // namespace karst
