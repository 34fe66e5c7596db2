#pragma once

#include "reactor/io/io.h"

namespace karst {

struct call_result {
  errc error = errc::ok;
  std::int64_t value = 0;
};

// Performs a file operation by blocking system calls: in the file threads, and inline for the few
// that are quick. Any thread; the operation belongs to the caller for the duration. Short reads and
// writes are continued.
call_result call_file_operation(operation& op);

// The pieces that the asynchronous path shares: open(2)'s flags, moving the vectors past `bytes`,
// and the sum of the vectors.
int kernel_open_flags(std::uint32_t open_flags);
// What opening cannot say (open_exact): told of the open file, at once.
void advise_kernel(int fd, std::uint32_t open_flags);
void advance_vectors(operation& op, std::size_t bytes);
std::size_t vector_bytes(operation const& op);

// True where an access at `offset` may be retried by direct I/O; a short direct read that ends
// elsewhere met the end of the file.
constexpr bool direct_aligned(std::uint64_t offset) { return offset % 512 == 0; }

}  // namespace karst
