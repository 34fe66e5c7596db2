#pragma once

#include <vector>

#include "reactor/io/io_uring_setup.h"
#include "reactor/io/kernel_io.h"

namespace karst {

// The io of one core over its own io_uring, made and used on that core's thread. A turn is one
// io_uring_enter: it hands over every queued operation and collects what is done, or sleeps.
// Receives are multishot into a provided buffer ring. Operations that the kernel gives to its
// worker threads (fsync, allocation, names; buffered writes on ext4) are slow and counted.
class uring_io final : public kernel_io {
 public:
  // error: the kernel refuses io_uring; why, and the remedy.
  static expected<std::unique_ptr<uring_io>, error> make();
  ~uring_io() override;

  std::string_view name() const override { return "io_uring"; }
  uring_profile const& profile() const { return profile_; }
  void submit(operation& op) override;
  void cancel(operation& op) override;
  void turn(time_point until) override;
  bool busy() const override;
  void count_workers() override;

 private:
  uring_io(::io_uring const& ring, uring_profile profile, provided_ring provided);

  static void buffer_came_home(void* self, std::uint32_t index);
  void drain();

  // Submission.
  io_uring_sqe* take_sqe();
  void fill();
  bool hand_over(operation& op);
  void prepare_socket_operation(operation& op, io_uring_sqe& sqe);
  void prepare_file_operation(operation& op, io_uring_sqe& sqe);
  void prepare_message(operation& op, io_uring_sqe& sqe, int code, std::uint32_t flags);
  bool runs_here(operation& op);
  void enter(bool sleep, time_point until);

  // Completion.
  void collect();
  void completed(io_uring_cqe const& cqe);
  void completed_receive(operation& op, io_uring_cqe const& cqe);
  void completed_transfer(operation& op, int result);
  void requeue(operation& op);
  unsigned ring_flags() const;

  ::io_uring ring_;
  uring_profile profile_;
  provided_ring provided_;
  // Of sendmsg and recvmsg, one per submission slot: the kernel has copied it once the slot is
  // consumed.
  std::vector<msghdr> messages_;
  intrusive_list<operation> cancelling_;  // in the kernel, to be cancelled with the next fill
  std::size_t in_kernel_ = 0;
  std::uint64_t wake_value_ = 0;
  bool wake_armed_ = false;
  bool overflowed_ = false;
};

}  // namespace karst
