#include "reactor/io/io_uring_setup.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "reactor/base/limits.h"
#include "reactor/base/units.h"

namespace karst {
namespace {

// liburing 2.3 (Debian 12) does not name it yet.
constexpr int op_ftruncate = 55;

constexpr std::array required_opcodes{
    IORING_OP_READ,    IORING_OP_WRITE,       IORING_OP_READV,    IORING_OP_WRITEV,
    IORING_OP_FSYNC,   IORING_OP_SENDMSG,     IORING_OP_RECVMSG,  IORING_OP_ACCEPT,
    IORING_OP_CONNECT, IORING_OP_SEND,        IORING_OP_RECV,     IORING_OP_FALLOCATE,
    IORING_OP_OPENAT,  IORING_OP_CLOSE,       IORING_OP_RENAMEAT, IORING_OP_UNLINKAT,
    IORING_OP_MKDIRAT, IORING_OP_ASYNC_CANCEL};

constexpr unsigned common_flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
                                  IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_CQSIZE;

int try_profile(::io_uring& ring, unsigned flags) {
  io_uring_params parameters{};
  parameters.flags = flags;
  parameters.cq_entries = limits::completion_entries;
  return -io_uring_queue_init_params(limits::submission_entries, &ring, &parameters);
}

int io_uring_disabled() {
  int value = 0;
  if (auto* setting = std::fopen("/proc/sys/kernel/io_uring_disabled", "re")) {
    if (std::fscanf(setting, "%d", &value) != 1) value = 0;
    std::fclose(setting);
  }
  return value;
}

// Receives one byte through a multishot receive and a provided ring; true when the receive stays
// armed.
bool multishot_receive_works(::io_uring& ring) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  auto works = false;
  char memory[16];
  constexpr std::uint16_t group = 1;
  if (auto provided = provided_ring::make(ring, 1, group)) {
    provided->provide(memory, sizeof memory, 0);
    auto* sqe = io_uring_get_sqe(&ring);
    io_uring_prep_recv(sqe, ends[0], nullptr, 0, 0);
    sqe->ioprio |= IORING_RECV_MULTISHOT;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = group;
    io_uring_submit(&ring);
    auto more = ::write(ends[1], "k", 1) == 1;
    shutdown(ends[1], SHUT_WR);
    // The byte (armed), then the end of the stream or of the buffers (no longer armed).
    while (more) {
      io_uring_cqe* cqe = nullptr;
      if (io_uring_wait_cqe(&ring, &cqe) != 0) break;
      more = (cqe->flags & IORING_CQE_F_MORE) != 0;
      works |= more && cqe->res == 1;
      io_uring_cqe_seen(&ring, cqe);
    }
    io_uring_unregister_buf_ring(&ring, group);
  }
  ::close(ends[0]);
  ::close(ends[1]);
  return works;
}

}  // namespace

error ring_refused(int error_number) {
  auto code = from_errno(error_number);
  switch (error_number) {
    case ENOSYS:
      return {code, "this kernel has no io_uring", "use Linux 6.1 or newer"};
    case EPERM:
    case EACCES:
      if (auto disabled = io_uring_disabled(); disabled != 0) {
        return {code, fmt::format("kernel.io_uring_disabled = {} forbids io_uring", disabled),
                "set it to 0 with sysctl"};
      }
      return {code, "a seccomp filter or security module forbids io_uring",
              "allow io_uring_setup, io_uring_enter and io_uring_register in the container's "
              "seccomp profile"};
    case ENOMEM: {
      rlimit limit{};
      getrlimit(RLIMIT_MEMLOCK, &limit);
      if (limit.rlim_cur == RLIM_INFINITY) {
        return {code, "no memory for the ring", "free memory, or raise the container's limit"};
      }
      return {code,
              fmt::format("no memory for the ring: memlock limit {} KiB", limit.rlim_cur / KiB),
              "raise LimitMEMLOCK (ulimit -l) to 64 MiB"};
    }
    case EINVAL:
      return {code, "this kernel's io_uring is too old", "use Linux 6.1 or newer"};
    case EMFILE:
    case ENFILE:
      return {code, "no descriptor left for the ring", "raise LimitNOFILE (ulimit -n)"};
    default:
      return {code, fmt::format("io_uring_setup: {}", std::strerror(error_number)), ""};
  }
}

expected<uring_profile, error> set_up_ring(::io_uring& ring) {
  uring_profile profile{.defer_taskrun = true};
  auto refused =
      try_profile(ring, common_flags | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
  if (refused == EINVAL) {
    profile.defer_taskrun = false;
    refused = try_profile(ring, common_flags);
  }
  if (refused != 0) return std::unexpected(ring_refused(refused));
  auto* probe = io_uring_get_probe_ring(&ring);
  auto complete = probe != nullptr;
  for (auto code : required_opcodes) {
    complete = complete && io_uring_opcode_supported(probe, code) != 0;
  }
  profile.truncates = complete && io_uring_opcode_supported(probe, op_ftruncate) != 0;
  if (probe != nullptr) io_uring_free_probe(probe);
  if (!complete || !multishot_receive_works(ring)) {
    io_uring_queue_exit(&ring);
    return std::unexpected(ring_refused(EINVAL));
  }
  unsigned workers[2] = {limits::kernel_file_workers, limits::kernel_other_workers};
  io_uring_register_iowq_max_workers(&ring, workers);
  // Saves looking up the descriptor at each entry; goes on without where the kernel refuses.
  io_uring_register_ring_fd(&ring);
  return profile;
}

std::expected<provided_ring, int> provided_ring::make(::io_uring& ring, std::uint32_t entries,
                                                      std::uint16_t group) {
  auto* memory = mmap(nullptr, entries * sizeof(io_uring_buf), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return std::unexpected(errno);
  provided_ring made{static_cast<io_uring_buf_ring*>(memory), entries};
  io_uring_buf_ring_init(made.shared_);
  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<std::uint64_t>(memory);
  registration.ring_entries = entries;
  registration.bgid = group;
  auto refused = -io_uring_register_buf_ring(&ring, &registration, 0);
  if (refused != 0) return std::unexpected(refused);
  return made;
}

provided_ring::provided_ring(provided_ring&& other) noexcept
    : shared_(std::exchange(other.shared_, nullptr)), entries_(other.entries_) {}

provided_ring::~provided_ring() {
  if (shared_ != nullptr) munmap(shared_, entries_ * sizeof(io_uring_buf));
}

void provided_ring::provide(void* memory, std::size_t size, std::uint16_t index) {
  io_uring_buf_ring_add(shared_, memory, static_cast<unsigned>(size), index,
                        io_uring_buf_ring_mask(entries_), 0);
  io_uring_buf_ring_advance(shared_, 1);
}

}  // namespace karst
