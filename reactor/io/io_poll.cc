#include "reactor/io/io_poll.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "reactor/base/limits.h"
#include "reactor/io/file_calls.h"

namespace karst {
namespace {

constexpr int events_per_turn = 256;
// Results of one multishot operation in one turn, so that one busy socket does not hold up the
// others.
constexpr int results_per_turn = 8;
// In io_state[1] of a connect whose outcome is awaited.
constexpr std::uint64_t connecting = 1;

std::int64_t progress(operation const& op) { return static_cast<std::int64_t>(op.io_state[0]); }

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

poll_io::poll_io() : kernel_io(buffer_came_home, this), epoll_fd_(epoll_create1(EPOLL_CLOEXEC)) {
  KARST_ASSERT(epoll_fd_ >= 0, "epoll_create1: {}", std::strerror(errno));
  free_buffers_.reserve(buffers_->count());
  for (auto index = buffers_->count(); index-- != 0;) free_buffers_.push_back(index);
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_fd_}};
  auto added = epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
  KARST_ASSERT(added == 0, "epoll_ctl: {}", std::strerror(errno));
}

poll_io::~poll_io() { ::close(epoll_fd_); }

void poll_io::buffer_came_home(void* self, std::uint32_t index) {
  static_cast<poll_io*>(self)->free_buffers_.push_back(index);
}

void poll_io::count_workers() { counters_.worker_threads = threads_ ? threads_->started() : 0; }

void poll_io::cancel(operation& op) {
  if (cancel_here(op)) return;
  auto& socket = of(op.fd);
  if (socket.reader == &op) socket.reader = nullptr;
  if (socket.writer == &op) socket.writer = nullptr;
  finish_later(op, errc::cancelled);
}

void poll_io::turn(time_point until) {
  ++counters_.turns;
  requeue_starved();
  run_again();
  while (auto* op = queued_.pop_front()) start(*op);
  auto timeout_ms = 0;
  if (until != time_point::min() && finished_.empty() && runnable_.empty() && completed_ == 0) {
    auto left = time_left(until);
    // Rounded up: waking before the deadline would only turn once more.
    constexpr std::int64_t longest_ms = 60'000;
    timeout_ms = left ? static_cast<int>(
                            std::min<std::int64_t>((*left + 1ms - duration{1}) / 1ms, longest_ms))
                      : -1;
  }
  collect_events(timeout_ms);
  completed_ = 0;
  collect_from_threads();
  deliver_finished();
}

void poll_io::start(operation& op) {
  if (op.code > opcode::connect && op.code != opcode::close) return run_in_threads(op);
  auto fd = static_cast<std::size_t>(op.fd);
  if (op.code == opcode::close) {
    if (fd < sockets_.size() && sockets_[fd].registered) return close_socket(op);
    return run_in_threads(op);
  }
  if (fd >= sockets_.size()) sockets_.resize(fd + 1);
  start_socket_operation(op);
}

void poll_io::start_socket_operation(operation& op) {
  auto& socket = of(op.fd);
  if (!socket.registered) {
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.fd = op.fd}};
    if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, op.fd, &event) != 0) {
      return finish_later(op, from_errno(errno));
    }
    socket.registered = true;
  }
  set_place(op, place::kernel);
  auto writes = op.code == opcode::send || op.code == opcode::connect;
  auto*& slot = writes ? socket.writer : socket.reader;
  KARST_ASSERT(slot == nullptr, "two operations in one direction of a socket");
  slot = &op;
  // What was learnt of a socket in one state says nothing of it after connect.
  if (op.code == opcode::connect) socket.writable = true;
  writes ? run_writer(op.fd) : run_reader(op.fd);
}

void poll_io::close_socket(operation& op) {
  auto& socket = of(op.fd);
  KARST_ASSERT(socket.reader == nullptr && socket.writer == nullptr, "closed while in use");
  socket = {};
  auto closed = ::close(op.fd);
  finish_later(op, closed == 0 ? errc::ok : from_errno(errno));
}

void poll_io::forget_socket(int fd) {
  auto place = static_cast<std::size_t>(fd);
  if (place >= sockets_.size() || !sockets_[place].registered) return;
  auto& socket = sockets_[place];
  KARST_ASSERT(socket.reader == nullptr && socket.writer == nullptr, "given away while in use");
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  socket = {};
}

// Operations that had their share in the last turn.
void poll_io::run_again() {
  intrusive_list<operation> now;
  now.append(runnable_);
  while (auto* op = now.pop_front()) {
    of(op->fd).reader == op ? run_reader(op->fd) : run_writer(op->fd);
  }
}

void poll_io::run_reader(int fd) {
  if (of(fd).reader == nullptr || !of(fd).readable || of(fd).reader->linked()) return;
  auto& op = *of(fd).reader;
  auto result = attempt::again;
  for (auto left = results_per_turn; left != 0 && result == attempt::again; --left) {
    result = try_reader(op);
    // Completing may have cancelled it.
    if (of(fd).reader != &op) return;
  }
  if (result == attempt::blocked) of(fd).readable = false;
  if (result == attempt::again) runnable_.push_back(op);
}

void poll_io::run_writer(int fd) {
  if (of(fd).writer == nullptr || !of(fd).writable || of(fd).writer->linked()) return;
  auto& op = *of(fd).writer;
  auto result = attempt::again;
  for (auto left = results_per_turn; left != 0 && result == attempt::again; --left) {
    result = op.code == opcode::send ? try_send(op) : try_connect(op);
    if (result == attempt::done) return;
  }
  if (result == attempt::blocked) of(fd).writable = false;
  if (result == attempt::again) runnable_.push_back(op);
}

poll_io::attempt poll_io::try_reader(operation& op) {
  switch (op.code) {
    case opcode::accept:
      return try_accept(op);
    case opcode::receive:
      return try_receive(op);
    default:
      return try_receive_exactly(op);
  }
}

// One result of a socket operation; the last one unless it is multishot and went well.
void poll_io::complete_now(operation& op, io_result&& result) {
  ++completed_;
  if (result.more) return op.complete(op, std::move(result));
  auto& socket = of(op.fd);
  if (socket.reader == &op) socket.reader = nullptr;
  if (socket.writer == &op) socket.writer = nullptr;
  finish(op, std::move(result));
}

poll_io::attempt poll_io::try_accept(operation& op) {
  auto fd = accept4(op.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0 && would_block()) return attempt::blocked;
  if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) return attempt::again;
  io_result result{.error = fd < 0 ? from_errno(errno) : errc::ok, .value = std::max(fd, 0)};
  result.more = op.multishot && fd >= 0;
  auto more = result.more;
  complete_now(op, std::move(result));
  return more ? attempt::again : attempt::done;
}

poll_io::attempt poll_io::try_receive(operation& op) {
  if (free_buffers_.empty()) {
    of(op.fd).reader = nullptr;
    set_place(op, place::starved);
    starved_.push_back(op);
    return attempt::done;
  }
  auto index = free_buffers_.back();
  auto bytes = recv(op.fd, buffers_->memory(index), buffers_->buffer_size(), 0);
  if (bytes < 0 && would_block()) return attempt::blocked;
  if (bytes < 0 && errno == EINTR) return attempt::again;
  io_result result{.error = bytes < 0 ? from_errno(errno) : errc::ok,
                   .more = op.multishot && bytes > 0,
                   .value = std::max<std::int64_t>(bytes, 0)};
  if (bytes > 0) {
    free_buffers_.pop_back();
    result.received = buffers_->hand_out(index, static_cast<std::size_t>(bytes));
  }
  auto more = result.more;
  complete_now(op, std::move(result));
  return more ? attempt::again : attempt::done;
}

poll_io::attempt poll_io::try_receive_exactly(operation& op) {
  advance_vectors(op, 0);
  if (op.vector_count != 0) {
    msghdr message{.msg_iov = op.vectors,
                   .msg_iovlen = std::min(op.vector_count, limits::vectors_per_call)};
    auto bytes = recvmsg(op.fd, &message, 0);
    if (bytes < 0 && would_block()) return attempt::blocked;
    if (bytes < 0 && errno == EINTR) return attempt::again;
    if (bytes > 0) {
      op.io_state[0] += static_cast<std::uint64_t>(bytes);
      advance_vectors(op, static_cast<std::size_t>(bytes));
      if (op.vector_count != 0) return attempt::again;
    } else {
      complete_now(op, {.error = bytes < 0 ? from_errno(errno) : errc::ok, .value = progress(op)});
      return attempt::done;
    }
  }
  complete_now(op, {.value = progress(op)});
  return attempt::done;
}

poll_io::attempt poll_io::try_send(operation& op) {
  advance_vectors(op, 0);
  if (op.vector_count != 0) {
    msghdr message{.msg_iov = op.vectors,
                   .msg_iovlen = std::min(op.vector_count, limits::vectors_per_call)};
    auto bytes = sendmsg(op.fd, &message, MSG_NOSIGNAL | (op.more_follows ? MSG_MORE : 0));
    if (bytes < 0 && would_block()) return attempt::blocked;
    if (bytes < 0 && errno == EINTR) return attempt::again;
    if (bytes < 0) {
      complete_now(op, {.error = from_errno(errno), .value = progress(op)});
      return attempt::done;
    }
    op.io_state[0] += static_cast<std::uint64_t>(bytes);
    advance_vectors(op, static_cast<std::size_t>(bytes));
    if (op.vector_count != 0) return attempt::again;
  }
  complete_now(op, {.value = progress(op)});
  return attempt::done;
}

poll_io::attempt poll_io::try_connect(operation& op) {
  auto failed = 0;
  if (op.io_state[1] != connecting) {
    auto const& to = *op.address;
    if (::connect(op.fd, reinterpret_cast<sockaddr const*>(&to), address_length(to)) != 0) {
      failed = errno;
    }
    if (failed == EINPROGRESS) {
      op.io_state[1] = connecting;
      return attempt::blocked;
    }
  } else {
    socklen_t length = sizeof failed;
    getsockopt(op.fd, SOL_SOCKET, SO_ERROR, &failed, &length);
  }
  complete_now(op, {.error = from_errno(failed)});
  return attempt::done;
}

void poll_io::collect_events(int timeout_ms) {
  std::array<epoll_event, events_per_turn> events;
  auto count = epoll_wait(epoll_fd_, events.data(), events_per_turn, timeout_ms);
  for (auto i = 0; i < count; ++i) {
    auto const& event = events[static_cast<std::size_t>(i)];
    auto fd = event.data.fd;
    if (fd == wake_fd_) {
      std::uint64_t wakes = 0;
      [[maybe_unused]] auto taken = ::read(wake_fd_, &wakes, sizeof wakes);
      // A read-modify-write: what the waker wrote before wake() is visible from here on.
      wake_pending_.exchange(false, std::memory_order_seq_cst);
      continue;
    }
    auto& socket = of(fd);
    if (!socket.registered) continue;
    if (event.events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) {
      socket.readable = true;
      run_reader(fd);
    }
    if (event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) {
      of(fd).writable = true;
      run_writer(fd);
    }
  }
}

}  // namespace karst
