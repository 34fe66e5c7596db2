#pragma once

#include <liburing.h>

#include "reactor/base/expected.h"

namespace karst {

// What the kernel granted. Decided by trying, never by version numbers: vendors backport,
// containers forbid.
struct uring_profile {
  bool defer_taskrun = false;  // completions run only when this core asks for them (kernel 6.1)
  bool truncates = false;      // IORING_OP_FTRUNCATE (6.9); otherwise a file thread does it
};

// Makes the ring of the calling thread with the best profile, and checks what cannot be done
// without: the opcodes used and multishot receive into a provided buffer ring (6.0). error: why
// not, with the remedy, for the line that announces epoll.
expected<uring_profile, error> set_up_ring(::io_uring& ring);

// The error for a refused io_uring_setup: ENOSYS, EPERM (seccomp or sysctl), ENOMEM (memlock),
// EINVAL (old kernel).
error ring_refused(int error_number);

// A provided buffer ring: memory shared with the kernel, from which it takes the buffers that
// receives fill.
class provided_ring {
 public:
  // Registers `entries` (a power of two) slots as buffer group `group`; an errno otherwise.
  static std::expected<provided_ring, int> make(::io_uring& ring, std::uint32_t entries,
                                                std::uint16_t group);
  provided_ring(provided_ring&& other) noexcept;
  provided_ring& operator=(provided_ring&&) = delete;
  ~provided_ring();  // after the ring, or after unregistering the group
  void provide(void* memory, std::size_t size, std::uint16_t index);

 private:
  provided_ring(io_uring_buf_ring* shared, std::uint32_t entries)
      : shared_(shared), entries_(entries) {}
  io_uring_buf_ring* shared_;
  std::uint32_t entries_;
};

}  // namespace karst
