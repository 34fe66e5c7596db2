#pragma once

#include <deque>
#include <memory>

#include "net/core_network.h"
#include "reactor/socket.h"

namespace karst::net {

// The answers of one connection, sent in the order of the requests whatever the order in which
// handlers finish. One vectored send at a time, of all that is ready, header and payload together,
// in slices so that progress is seen. Bounded: the connection opens no more than limits::in_flight
// exchanges, and the bytes that wait count in the core's output budget. When a send fails, or the
// client has taken nothing for limits::idle, what is left is dropped and `broken` is true.
class send_queue {
 public:
  send_queue(core_network& home, karst::socket& socket);
  ~send_queue();

  exchange& open(std::unique_ptr<exchange> started);
  void finish(exchange& answered);
  // No more exchanges will be opened; run() ends when the last answer is sent.
  void close_input();
  // Sends until the input is closed and all is sent, or it broke; then waits for handlers that are
  // not done. Called once.
  task<> run();

  std::size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }
  bool broken() const { return broken_; }
  // Drops what is not sent, and shuts the socket down.
  void abandon();
  // The handler asked to close the connection, and why; the answers before it are sent.
  std::optional<std::string> const& close_reason() const { return close_reason_; }
  // Slow reader: cut because it was stuck.
  bool stuck() const { return stuck_; }
  // Woken when answers have been sent and when it broke.
  waiters& moved() { return moved_; }

 private:
  struct stall_timer : timer {
    send_queue* queue;
  };
  struct progress : sending {
    send_queue* queue;
  };

  task<bool> send_ready();
  bool gather(exchange& ready);
  task<bool> send_body(exchange& ready);
  task<bool> flush(bool more_follows);
  task<bool> send_range(file_range const& range);
  void write_header(exchange& ready);
  void pop(std::size_t count);
  void begin_send();
  void end_send();
  void cut();

  core_network& home_;
  karst::socket& socket_;
  std::deque<std::unique_ptr<exchange>> slots_;
  std::vector<iovec> slice_;  // gathered for the next send; kept, so that sends allocate nothing
  std::size_t slice_bytes_ = 0;
  waiters ready_;
  waiters moved_;
  bool input_closed_ = false;
  bool broken_ = false;
  bool stuck_ = false;
  std::optional<std::string> close_reason_;
  stall_timer stall_;
  progress progress_;
};

}  // namespace karst::net
