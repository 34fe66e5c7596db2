#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/core_network.h"
#include "net/frame.h"
#include "net/send_queue.h"
#include "reactor/socket.h"
#include "reactor/task_set.h"

namespace karst::net {

// A connection on its way to a core: what is known of it anywhere. Plain values, for any core.
struct connection_handoff {
  int descriptor = -1;
  std::uint64_t id = 0;
  core_id wanted = no_core;       // the core that its requests were for; no_core: a new connection
  std::string client_software{};  // as in connection_info
  std::uint32_t patience = limit::requests_before_move;
  std::vector<std::byte> unread{};  // received, and no whole request yet
};

// One client's connection on its core: reads frames, starts their requests in order and sends the
// answers in order (Kafka's clients rely on both). Produce requests overlap each other; any other
// request starts when all before it are answered, and holds back those after it. Reading goes on
// meanwhile, a bounded number of requests ahead, so that a parked fetch is cancelled when its peer
// closes.
//
// Three tasks, joined by run(): the reader (frames to requests), the dispatcher (requests to
// handlers) and the send queue. It ends when the peer closes or cannot be understood, is too slow
// or idle, when a handler asks for it, or at stop(). Whole requests that came before the end are
// still handled, and answered as far as the peer takes the answers.
//
// A connection whose requests all are for one other core stops reading, answers what it has read,
// and asks to go on there.
class connection : public list_link {
 public:
  connection(core_network& home, connection_handoff arrived);

  // The whole life on this core: up to the closed socket, or to the handoff with the core to go on
  // at.
  task<std::optional<connection_handoff>> run();
  // Answers what has been started, then closes.
  void stop();
  // Closes now; what is not sent is dropped.
  void cut();

 private:
  enum class reading : std::uint8_t { nothing, small_frame, large_frame, paused };
  struct receive_timer : timer {
    connection* owner;
  };

  task<> read();
  task<bool> read_large(std::size_t bytes);
  task<expected<buffer_chain>> receive_large(std::size_t bytes, reservation& memory);
  bool take_received(expected<buffer> received);
  bool accept_frame(buffer_chain frame, reservation memory);
  task<> dispatch();
  bool may_start(overlap kind) const;
  bool dispatch_over() const;
  task<> serve(exchange& started);
  void leave_if_others_serve_it();
  bool may_leave() const;
  task<connection_handoff> hand_off();

  // Logs once why this side closes; `counter` is the one to raise.
  void end_reading(std::string_view reason, std::uint64_t& counter);
  void log_end(std::string_view reason);
  void enter(reading state);
  time_point deadline() const;
  void on_timer();

  core_network& home_;
  std::unique_ptr<karst::socket> socket_;
  connection_info info_;
  frame_reader frames_;
  send_queue queue_;
  std::deque<std::unique_ptr<exchange>> pending_;
  std::string client_id_;  // of the last request, for log lines
  bool alone_running_ = false;
  bool input_ended_ = false;  // no more requests will be read
  bool stopping_ = false;
  bool leaving_ = false;  // to go on with another core: nothing more is read here
  bool logged_ = false;
  waiters pending_changed_;  // the dispatcher waits for requests
  waiters room_;             // the reader waits for pending_ to shrink
  reading state_ = reading::nothing;
  time_point state_since_{};
  semaphore* frame_budget_ = nullptr;  // while a large frame is received
  receive_timer timer_;
  task_set tasks_;
};

}  // namespace karst::net
