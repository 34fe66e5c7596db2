#pragma once

#include <vector>

#include "reactor/io/kernel_io.h"

namespace karst {

// The io of one core over epoll, for hosts and containers that forbid io_uring: sockets are tried
// at once and again when epoll (edge-triggered, both directions from the first use on) says so;
// file operations run in a few threads.
class poll_io final : public kernel_io {
 public:
  poll_io();
  ~poll_io() override;

  std::string_view name() const override { return "epoll"; }
  void submit(operation& op) override { enqueue(op); }
  void cancel(operation& op) override;
  void forget_socket(int fd) override;
  void turn(time_point until) override;
  bool busy() const override { return !finished_.empty() || !runnable_.empty(); }
  void count_workers() override;

 private:
  // What is known of a socket: who waits for which direction, and whether trying makes sense before
  // the next event.
  struct watched {
    bool registered = false;
    bool readable = true;
    bool writable = true;
    operation* reader = nullptr;  // accept, receive, receive_exactly
    operation* writer = nullptr;  // send, connect
  };
  enum class attempt : std::uint8_t { done, again, blocked };

  static void buffer_came_home(void* self, std::uint32_t index);
  void start(operation& op);
  void start_socket_operation(operation& op);
  void close_socket(operation& op);
  void run_reader(int fd);
  void run_writer(int fd);
  attempt try_reader(operation& op);
  attempt try_accept(operation& op);
  attempt try_receive(operation& op);
  attempt try_receive_exactly(operation& op);
  attempt try_send(operation& op);
  attempt try_connect(operation& op);
  void complete_now(operation& op, io_result&& result);
  void run_again();
  void collect_events(int timeout_ms);
  watched& of(int fd) { return sockets_[static_cast<std::size_t>(fd)]; }

  int epoll_fd_;
  std::vector<watched> sockets_;  // by descriptor
  std::vector<std::uint32_t> free_buffers_;
  std::size_t completed_ = 0;           // results delivered in this turn: reason not to sleep
  intrusive_list<operation> runnable_;  // had their share of this turn, and could go on
};

}  // namespace karst
