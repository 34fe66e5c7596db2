#pragma once

#include <cstdint>
#include <memory>

#include "reactor/file.h"

namespace karst {

// Bytes [position, position + length) of an open file that its holders keep open: how log hands
// stored records to net without reading them. Used and released on the core that opened the file.
struct file_range {
  std::shared_ptr<file> source;
  std::uint64_t position = 0;
  std::uint64_t length = 0;
};

}  // namespace karst
