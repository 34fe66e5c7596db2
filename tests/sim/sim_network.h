#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "reactor/io/io.h"
#include "tests/sim/sim_world.h"

namespace karst::sim {

class simulated_io;

// An operation that waits on a socket, and whose io answers it.
struct waiting_operation {
  simulated_io* owner = nullptr;
  operation* op = nullptr;
  std::size_t done = 0;          // bytes of send or receive_exactly so far
  std::vector<std::byte> bytes;  // send: what is to go out
  std::uint64_t hash = 0;        // send: of the memory at submission
};

// One direction of a connection. Bytes leave in pieces of random size, arrive after random delays
// and in order; a sender waits while `held` bytes have left and were not received (back pressure).
struct pipe {
  std::size_t held = 0;
  std::deque<std::byte> arrived;
  time_point last_arrival{};
  bool ending = false;  // the sender shut down: no more is sent
  bool ended = false;   // and the receiver knows
  bool broken = false;  // the receiver has closed: sends answer reset
  std::deque<waiting_operation> senders;
  std::deque<waiting_operation> receivers;
};

struct stream {
  std::shared_ptr<pipe> in;  // null until connected
  std::shared_ptr<pipe> out;
  sockaddr_storage peer{};
};

struct listening_socket {
  std::uint16_t port = 0;
  std::size_t backlog = 0;
  bool shut = false;
  std::deque<std::shared_ptr<description>> arrived;
  std::deque<waiting_operation> acceptors;
};

// Sockets between the cores of one world, on loopback addresses: listen, connect, accept, send,
// receive, shut down, close.
void start_socket_operation(simulated_io& owner, operation& op);
void cancel_socket_operation(simulated_io& owner, operation& op);
void close_socket(simulated_io& owner, operation& op);
expected<listen_result> listen_on(world& host, sockaddr_storage const& address, int backlog);
std::shared_ptr<description> make_unconnected(world& host);
void shut_down(world& host, int fd);
expected<sockaddr_storage> peer_of(world const& host, int fd);

}  // namespace karst::sim
