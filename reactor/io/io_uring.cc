#include "reactor/io/io_uring.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "reactor/base/limits.h"
#include "reactor/io/file_calls.h"
#include "reactor/io/io_workers.h"

namespace karst {
namespace {

constexpr std::uint16_t receive_group = 0;
// user_data is the operation's address, except for these.
constexpr std::uint64_t wake_tag = 1;
constexpr std::uint64_t cancel_tag = 2;
// liburing 2.3 (Debian 12) does not name it yet.
constexpr int op_ftruncate = 55;

// In io_state[1] of an operation that is with the kernel.
constexpr std::uint64_t cancel_requested = 1;

// Bytes transferred so far by an operation that is continued after a short result.
std::int64_t progress(operation const& op) { return static_cast<std::int64_t>(op.io_state[0]); }

// As linux/ioprio.h has it, which C++ cannot read: the class above 13 bits of level.
std::uint16_t kernel_priority(io_class priority) {
  constexpr std::uint16_t best_effort_lowest = (2 << 13) | 7;
  constexpr std::uint16_t idle = 3 << 13;
  switch (priority) {
    case io_class::normal:
      return 0;  // as the thread's own
    case io_class::catch_up:
      return best_effort_lowest;
    case io_class::idle:
      return idle;
  }
  return 0;
}

}  // namespace

expected<std::unique_ptr<uring_io>, error> uring_io::make() {
  ::io_uring ring{};
  auto profile = set_up_ring(ring);
  if (!profile) return std::unexpected(profile.error());
  auto provided = provided_ring::make(ring, limits::receive_buffers, receive_group);
  if (!provided) {
    io_uring_queue_exit(&ring);
    return std::unexpected(ring_refused(provided.error()));
  }
  return std::unique_ptr<uring_io>{new uring_io{ring, *profile, std::move(*provided)}};
}

uring_io::uring_io(::io_uring const& ring, uring_profile profile, provided_ring provided)
    : kernel_io(buffer_came_home, this),
      ring_(ring),
      profile_(profile),
      provided_(std::move(provided)),
      messages_(ring.sq.ring_entries) {
  for (std::uint32_t index = 0; index < buffers_->count(); ++index) buffer_came_home(this, index);
}

uring_io::~uring_io() {
  if (in_kernel_ != 0) drain();
  io_uring_queue_exit(&ring_);
}

// Operations are awaited before a core ends. Should one be left, the kernel must not touch its
// memory any more.
void uring_io::drain() {
  auto* sqe = take_sqe();
  io_uring_prep_cancel64(sqe, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
  sqe->user_data = cancel_tag;
  __kernel_timespec patience{.tv_sec = 1, .tv_nsec = 0};
  for (auto attempts = 0; in_kernel_ != 0 && attempts < 10'000; ++attempts) {
    io_uring_cqe* cqe = nullptr;
    io_uring_submit_and_wait_timeout(&ring_, &cqe, 1, &patience, nullptr);
    if (io_uring_peek_cqe(&ring_, &cqe) != 0) continue;
    if (cqe->user_data > cancel_tag && !(cqe->flags & IORING_CQE_F_MORE)) --in_kernel_;
    io_uring_cqe_seen(&ring_, cqe);
  }
}

void uring_io::buffer_came_home(void* self, std::uint32_t index) {
  auto& io = *static_cast<uring_io*>(self);
  io.provided_.provide(io.buffers_->memory(index), io.buffers_->buffer_size(),
                       static_cast<std::uint16_t>(index));
}

void uring_io::submit(operation& op) { enqueue(op); }

void uring_io::cancel(operation& op) {
  if (cancel_here(op)) return;
  op.io_state[1] = cancel_requested;
  if (!op.linked()) cancelling_.push_back(op);
}

unsigned uring_io::ring_flags() const {
  return std::atomic_ref{*ring_.sq.kflags}.load(std::memory_order_relaxed);
}

// The ring's flags do not count: an entry that sleeps runs pending work and flushes an overflow
// first, and returns when that completed something. SQ_TASKRUN may also be set with nothing pending
// (Linux 6.18 sets it after it has queued the work, which another entry may have run by then):
// whoever does not sleep for it spins until the next completion.
bool uring_io::busy() const { return !finished_.empty() || io_uring_cq_ready(&ring_) != 0; }

void uring_io::count_workers() {
  counters_.worker_threads = count_kernel_workers() + (threads_ ? threads_->started() : 0);
}

void uring_io::turn(time_point until) {
  requeue_starved();
  auto sleep = until != time_point::min() && !busy();
  fill();
  // What found no slot goes next turn, after completions have made room. What fill() has finished
  // itself is delivered at once.
  sleep = sleep && queued_.empty() && cancelling_.empty() && finished_.empty();
  enter(sleep, until);
  collect();
  collect_from_threads();
  deliver_finished();
}

io_uring_sqe* uring_io::take_sqe() {
  if (auto* sqe = io_uring_get_sqe(&ring_)) return sqe;
  ++counters_.turns;
  io_uring_submit(&ring_);
  return io_uring_get_sqe(&ring_);
}

void uring_io::fill() {
  while (auto* op = cancelling_.pop_front()) {
    auto* sqe = take_sqe();
    if (sqe == nullptr) return cancelling_.push_front(*op);
    io_uring_prep_cancel(sqe, op, 0);
    sqe->user_data = cancel_tag;
  }
  while (auto* op = queued_.pop_front()) {
    if (!hand_over(*op)) return queued_.push_front(*op);
  }
  if (wake_armed_) return;
  if (auto* sqe = take_sqe()) {
    io_uring_prep_read(sqe, wake_fd_, &wake_value_, sizeof wake_value_, 0);
    sqe->user_data = wake_tag;
    wake_armed_ = true;
  }
}

// False: no submission slot is free.
bool uring_io::hand_over(operation& op) {
  if (runs_here(op)) return true;
  auto* sqe = take_sqe();
  if (sqe == nullptr) return false;
  if (op.code <= opcode::connect) {
    prepare_socket_operation(op, *sqe);
  } else {
    prepare_file_operation(op, *sqe);
  }
  io_uring_sqe_set_data(sqe, &op);
  set_place(op, place::kernel);
  ++in_kernel_;
  return true;
}

// Operations that need no ring: empty transfers, two that are quick system calls, and what this
// kernel's rings lack.
bool uring_io::runs_here(operation& op) {
  switch (op.code) {
    case opcode::read:
    case opcode::write:
    case opcode::send:
    case opcode::receive_exactly:
      advance_vectors(op, 0);
      if (op.vector_count != 0) return false;
      finish_later(op, errc::ok);
      return true;
    case opcode::status:
    case opcode::list_directory: {
      auto result = call_file_operation(op);
      op.io_state[0] = static_cast<std::uint64_t>(result.value);
      finish_later(op, result.error);
      return true;
    }
    case opcode::replace_files:
      run_in_threads(op);
      return true;
    case opcode::truncate:
      if (!profile_.truncates) run_in_threads(op);
      return !profile_.truncates;
    default:
      return false;
  }
}

void uring_io::prepare_message(operation& op, io_uring_sqe& sqe, int code, std::uint32_t flags) {
  auto& message = messages_[static_cast<std::size_t>(&sqe - ring_.sq.sqes)];
  message = {.msg_iov = op.vectors,
             .msg_iovlen = std::min(op.vector_count, limits::vectors_per_call)};
  io_uring_prep_rw(code, &sqe, op.fd, &message, 1, 0);
  sqe.msg_flags = flags;
}

void uring_io::prepare_socket_operation(operation& op, io_uring_sqe& sqe) {
  switch (op.code) {
    case opcode::accept:
      io_uring_prep_accept(&sqe, op.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (op.multishot) sqe.ioprio |= IORING_ACCEPT_MULTISHOT;
      break;
    case opcode::receive:
      io_uring_prep_recv(&sqe, op.fd, nullptr, 0, 0);
      if (op.multishot) sqe.ioprio |= IORING_RECV_MULTISHOT;
      sqe.flags |= IOSQE_BUFFER_SELECT;
      sqe.buf_group = receive_group;
      break;
    case opcode::receive_exactly:
      if (op.vector_count == 1) {
        auto& only = op.vectors[0];
        io_uring_prep_recv(&sqe, op.fd, only.iov_base, std::min(only.iov_len, GiB), MSG_WAITALL);
      } else {
        prepare_message(op, sqe, IORING_OP_RECVMSG, MSG_WAITALL);
      }
      break;
    case opcode::send: {
      auto flags = MSG_NOSIGNAL | MSG_WAITALL | (op.more_follows ? MSG_MORE : 0);
      if (op.vector_count == 1) {
        auto& only = op.vectors[0];
        io_uring_prep_send(&sqe, op.fd, only.iov_base, std::min(only.iov_len, GiB), flags);
      } else {
        prepare_message(op, sqe, IORING_OP_SENDMSG, static_cast<std::uint32_t>(flags));
      }
      break;
    }
    default:
      io_uring_prep_connect(&sqe, op.fd, reinterpret_cast<sockaddr const*>(op.address),
                            address_length(*op.address));
  }
}

void uring_io::prepare_file_operation(operation& op, io_uring_sqe& sqe) {
  constexpr mode_t file_mode = 0644;
  constexpr mode_t directory_mode = 0755;
  auto vectors = std::min(op.vector_count, limits::vectors_per_call);
  auto offset = static_cast<off_t>(op.offset);
  auto length = static_cast<off_t>(op.length);
  switch (op.code) {
    case opcode::read:
      io_uring_prep_readv(&sqe, op.fd, op.vectors, vectors, op.offset);
      sqe.ioprio = kernel_priority(op.priority);
      break;
    case opcode::write:
      io_uring_prep_writev(&sqe, op.fd, op.vectors, vectors, op.offset);
      sqe.rw_flags = op.durable ? RWF_DSYNC : 0;
      sqe.ioprio = kernel_priority(op.priority);
      break;
    case opcode::sync:
      io_uring_prep_fsync(&sqe, op.fd,
                          (op.open_flags & open_directory) ? 0 : IORING_FSYNC_DATASYNC);
      break;
    case opcode::allocate:
      io_uring_prep_fallocate(&sqe, op.fd, 0, offset, length);
      break;
    case opcode::zero_range:
      io_uring_prep_fallocate(&sqe, op.fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset,
                              length);
      break;
    case opcode::truncate:
      io_uring_prep_rw(op_ftruncate, &sqe, op.fd, nullptr, 0, op.length);
      break;
    case opcode::open:
      io_uring_prep_openat(&sqe, AT_FDCWD, op.path, kernel_open_flags(op.open_flags), file_mode);
      break;
    case opcode::close:
      io_uring_prep_close(&sqe, op.fd);
      break;
    case opcode::rename:
      io_uring_prep_rename(&sqe, op.path, op.path2);
      break;
    case opcode::unlink:
      io_uring_prep_unlink(&sqe, op.path, 0);
      break;
    case opcode::make_directory:
      io_uring_prep_mkdir(&sqe, op.path, directory_mode);
      break;
    case opcode::remove_directory:
      io_uring_prep_unlink(&sqe, op.path, AT_REMOVEDIR);
      break;
    default:
      KARST_ASSERT(false, "opcode {}", static_cast<int>(op.code));
  }
}

void uring_io::enter(bool sleep, time_point until) {
  if (!sleep) {
    auto waiting = ring_flags() & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
    if (io_uring_sq_ready(&ring_) == 0 && waiting == 0) return;
  }
  ++counters_.turns;
  // Every refusal (interrupted, short of memory, completions first) leaves the slots filled for the
  // next turn.
  if (!sleep) {
    io_uring_submit_and_get_events(&ring_);
  } else if (auto left = time_left(until); !left) {
    io_uring_submit_and_wait(&ring_, 1);
  } else {
    io_uring_cqe* first = nullptr;
    __kernel_timespec patience{.tv_sec = *left / 1s, .tv_nsec = (*left % 1s).count()};
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, &patience, nullptr);
  }
}

void uring_io::collect() {
  auto overflow = (ring_flags() & IORING_SQ_CQ_OVERFLOW) != 0;
  if (overflow && !overflowed_) ++counters_.overflows;
  overflowed_ = overflow;
  unsigned head = 0;
  unsigned count = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    completed(*cqe);
    if (++count == limits::completions_per_turn) break;
  }
  io_uring_cq_advance(&ring_, count);
}

void uring_io::completed(io_uring_cqe const& cqe) {
  if (cqe.user_data == cancel_tag) return;
  if (cqe.user_data == wake_tag) {
    wake_armed_ = false;
    // A read-modify-write: what the waker wrote before wake() is visible from here on.
    wake_pending_.exchange(false, std::memory_order_seq_cst);
    return;
  }
  auto& op = *static_cast<operation*>(io_uring_cqe_get_data(&cqe));
  auto more = (cqe.flags & IORING_CQE_F_MORE) != 0;
  if (!more) {
    --in_kernel_;
    op.unlink();  // from cancelling_: there is nothing left to cancel
  }
  switch (op.code) {
    case opcode::receive:
      return completed_receive(op, cqe);
    case opcode::read:
    case opcode::write:
    case opcode::send:
    case opcode::receive_exactly:
      return completed_transfer(op, cqe.res);
    case opcode::open:
      advise_kernel(cqe.res, op.open_flags);
      break;
    case opcode::allocate:
    case opcode::zero_range:
      // The file system has no such call; a file thread writes the zeros.
      if (cqe.res == -EOPNOTSUPP) return run_in_threads(op);
      break;
    default:
      break;
  }
  io_result result{.error = cqe.res < 0 ? from_errno(-cqe.res) : errc::ok,
                   .more = more,
                   .value = std::max(cqe.res, 0)};
  if (more) return op.complete(op, std::move(result));
  finish(op, std::move(result));
}

void uring_io::completed_receive(operation& op, io_uring_cqe const& cqe) {
  io_result result{.more = (cqe.flags & IORING_CQE_F_MORE) != 0, .value = std::max(cqe.res, 0)};
  if (cqe.flags & IORING_CQE_F_BUFFER) {
    result.received = buffers_->hand_out(cqe.flags >> IORING_CQE_BUFFER_SHIFT,
                                         static_cast<std::size_t>(result.value));
  }
  if (cqe.res == -ENOBUFS && op.io_state[1] != cancel_requested) {
    set_place(op, place::starved);
    return starved_.push_back(op);
  }
  if (cqe.res < 0) result.error = cqe.res == -ENOBUFS ? errc::cancelled : from_errno(-cqe.res);
  if (result.more) return op.complete(op, std::move(result));
  finish(op, std::move(result));
}

void uring_io::completed_transfer(operation& op, int result) {
  if (result == -EINTR || result == -EAGAIN) return requeue(op);
  if (result < 0) {
    // A direct read behind an end of file that is not aligned.
    auto ended = result == -EINVAL && op.code == opcode::read && progress(op) != 0 &&
                 !direct_aligned(op.offset);
    return finish(op, {.error = ended ? errc::ok : from_errno(-result), .value = progress(op)});
  }
  op.io_state[0] += static_cast<std::uint64_t>(result);
  op.offset += static_cast<std::uint64_t>(result);
  advance_vectors(op, static_cast<std::size_t>(result));
  if (op.vector_count != 0 && result != 0) return requeue(op);
  // Nothing more comes: for a read or receive that is the end of the stream.
  auto complete =
      op.vector_count == 0 || op.code == opcode::read || op.code == opcode::receive_exactly;
  finish(op, {.error = complete ? errc::ok : errc::io_error, .value = progress(op)});
}

// Goes on with the rest in the next turn.
void uring_io::requeue(operation& op) {
  if (op.io_state[1] == cancel_requested) {
    return finish(op, {.error = errc::cancelled, .value = progress(op)});
  }
  set_place(op, place::queued);
  queued_.push_back(op);
}

}  // namespace karst
