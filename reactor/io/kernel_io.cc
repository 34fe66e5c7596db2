#include "reactor/io/kernel_io.h"

#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "reactor/base/limits.h"

namespace karst {
namespace {

void enable(int fd, int level, int option) {
  int one = 1;
  setsockopt(fd, level, option, &one, sizeof one);
}

}  // namespace

kernel_io::kernel_io(recv_buffers::return_function returned, void* context)
    : buffers_(std::make_unique<recv_buffers>(limits::receive_buffers, limits::receive_buffer_bytes,
                                              returned, context)),
      // Blocking, because io_uring answers EAGAIN instead of waiting when a descriptor is
      // non-blocking.
      wake_fd_(eventfd(0, EFD_CLOEXEC)) {
  KARST_ASSERT(wake_fd_ >= 0, "eventfd: {}", std::strerror(errno));
}

kernel_io::~kernel_io() {
  threads_.reset();
  recv_buffers::abandon(std::move(buffers_));
  ::close(wake_fd_);
}

void kernel_io::wake() {
  if (wake_pending_.exchange(true, std::memory_order_seq_cst)) return;
  std::uint64_t one = 1;
  auto written = ::write(wake_fd_, &one, sizeof one);
  KARST_ASSERT(written == sizeof one, "eventfd: {}", std::strerror(errno));
}

bool kernel_io::receive_memory_low() const {
  return buffers_->home() < limits::receive_buffers_low;
}

expected<listen_result> kernel_io::listen(sockaddr_storage const& address, int backlog) {
  auto fd = make_socket(address.ss_family);
  if (!fd) return fail(fd.error());
  // After a restart the port is free at once, while two processes still cannot hold it. Accepted
  // sockets inherit keep-alive.
  enable(*fd, SOL_SOCKET, SO_REUSEADDR);
  enable(*fd, SOL_SOCKET, SO_KEEPALIVE);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (bind(*fd, reinterpret_cast<sockaddr const*>(&address), address_length(address)) != 0 ||
      ::listen(*fd, backlog) != 0 ||
      getsockname(*fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
    auto failed = from_errno(errno);
    ::close(*fd);
    return fail(failed);
  }
  auto port = bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 const&>(bound).sin6_port
                                          : reinterpret_cast<sockaddr_in const&>(bound).sin_port;
  return listen_result{.fd = *fd, .port = ntohs(port)};
}

expected<int> kernel_io::make_socket(int family) {
  auto fd = ::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail(from_errno(errno));
  enable(fd, IPPROTO_TCP, TCP_NODELAY);  // a listening socket passes it on to those it accepts
  return fd;
}

void kernel_io::shutdown_socket(int fd) { ::shutdown(fd, SHUT_RDWR); }

expected<sockaddr_storage> kernel_io::peer_address(int fd) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0) {
    return fail(from_errno(errno));
  }
  return peer;
}

void kernel_io::enqueue(operation& op) {
  KARST_ASSERT(!op.in_flight && op.complete != nullptr, "opcode {}", static_cast<int>(op.code));
  ++counters_.operations;
  op.in_flight = true;
  op.io_state[0] = op.io_state[1] = 0;
  set_place(op, place::queued);
  queued_.push_back(op);
}

void kernel_io::finish_later(operation& op, errc error) {
  op.unlink();
  op.io_state[1] = static_cast<std::uint64_t>(error);
  set_place(op, place::finished);
  finished_.push_back(op);
}

bool kernel_io::cancel_here(operation& op) {
  if (!op.in_flight) return true;
  switch (place_of(op)) {
    case place::queued:
    case place::starved:
      finish_later(op, errc::cancelled);
      return true;
    case place::threads:
      if (threads_->remove(op)) finish_later(op, errc::cancelled);
      return true;
    case place::finished:
      return true;
    case place::kernel:
      return false;
  }
  return false;
}

void kernel_io::finish(operation& op, io_result&& result) {
  op.unlink();
  op.in_flight = false;
  op.complete(op, std::move(result));
}

void kernel_io::run_in_threads(operation& op) {
  if (threads_ == nullptr) {
    threads_ = std::make_unique<file_threads>(
        limits::file_threads, [](void* self) { static_cast<kernel_io*>(self)->wake(); }, this);
  }
  set_place(op, place::threads);
  threads_->run(op);
}

void kernel_io::collect_from_threads() {
  if (threads_ == nullptr) return;
  intrusive_list<operation> done;
  threads_->collect(done);
  while (auto* op = done.pop_front()) {
    set_place(*op, place::finished);
    finished_.push_back(*op);
  }
}

void kernel_io::deliver_finished() {
  // Only those that are here now: completing one may finish another (a cancel), which then waits
  // for the next turn.
  intrusive_list<operation> now;
  now.append(finished_);
  while (auto* op = now.pop_front()) {
    finish(*op, {.error = static_cast<errc>(op->io_state[1]),
                 .value = static_cast<std::int64_t>(op->io_state[0])});
  }
}

void kernel_io::requeue_starved() {
  for (auto room = buffers_->home(); room != 0; --room) {
    auto* op = starved_.pop_front();
    if (op == nullptr) return;
    set_place(*op, place::queued);
    queued_.push_back(*op);
  }
}

std::optional<duration> time_left(time_point until) {
  if (until == time_point::max()) return std::nullopt;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  auto at = time_point{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
  return until <= at ? duration{0} : until - at;
}

socklen_t address_length(sockaddr_storage const& address) {
  return address.ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

}  // namespace karst
