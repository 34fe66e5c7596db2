#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "reactor/io/file_threads.h"
#include "reactor/io/io.h"
#include "reactor/io/recv_buffers.h"

namespace karst {

// What the two io implementations over the real kernel share: the immediate socket calls, the
// receive pool, waking by an eventfd, and the results that need no (further) kernel. An operation
// in flight is in exactly one place.
class kernel_io : public io {
 public:
  ~kernel_io() override;
  void wake() final;
  bool receive_memory_low() const final;
  expected<listen_result> listen(sockaddr_storage const& address, int backlog) final;
  expected<int> make_socket(int family) final;
  void shutdown_socket(int fd) final;
  expected<sockaddr_storage> peer_address(int fd) final;
  std::expected<int, lock_holder> lock_file(std::string const& path) final;
  void unlock_file(int fd) final;
  std::string direct_refusal(std::string const& directory) final;
  expected<disk_space> space_of(std::string const& path) final;
  bool is_resident(int fd, std::uint64_t offset, std::uint64_t length) final;

 protected:
  enum class place : std::uint64_t {
    queued,    // in queued_: not yet handed over
    kernel,    // the implementation waits for it
    threads,   // in the file threads
    starved,   // in starved_: a receive that waits for buffers to come home
    finished,  // in finished_: completes in this or the next turn
  };

  kernel_io(recv_buffers::return_function returned, void* context);

  static place place_of(operation const& op) { return static_cast<place>(op.io_state[2]); }
  static void set_place(operation& op, place now) {
    op.io_state[2] = static_cast<std::uint64_t>(now);
  }
  // Takes a fresh operation in.
  void enqueue(operation& op);
  // Ends the operation with what is in its io_state[0] (value) and `error`, in deliver_finished().
  void finish_later(operation& op, errc error);
  // The part of cancel() that needs no kernel; false: the operation is with the implementation.
  bool cancel_here(operation& op);
  // Ends an operation for good: no more results.
  static void finish(operation& op, io_result&& result);
  void run_in_threads(operation& op);
  void collect_from_threads();
  void deliver_finished();
  // Moves starved receives to queued_, as many as there are buffers for.
  void requeue_starved();

  std::unique_ptr<recv_buffers> buffers_;
  intrusive_list<operation> queued_;
  intrusive_list<operation> starved_;
  intrusive_list<operation> finished_;
  std::unique_ptr<file_threads> threads_;  // made when first needed
  int wake_fd_;
  std::atomic<bool> wake_pending_{false};
};

// Milliseconds or nanoseconds from now until `until`, at least 0; nullopt for never.
std::optional<duration> time_left(time_point until);

socklen_t address_length(sockaddr_storage const& address);

}  // namespace karst
