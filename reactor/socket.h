#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "reactor/buffer_chain.h"
#include "reactor/file_range.h"
#include "reactor/io/io.h"
#include "reactor/ready_operation.h"
#include "reactor/task.h"
#include "reactor/waiters.h"

namespace karst {

// "127.0.0.1:9092", "[::1]:9092".
std::string format_address(sockaddr_storage const& address);
// Numeric addresses and names from the hosts file or DNS (blocking: at start only).
expected<sockaddr_storage, error> resolve_address(std::string const& host, std::uint16_t port);
// Whether this is every address and none, however it is written: "0.0.0.0", "0", "::0". Looks up no
// names.
bool is_any_address(std::string const& host);

// A connected TCP socket on this core. One receive and one send may be in progress at a time. To
// end: shutdown() makes both finish (closed or reset), await them, then close(). Not moved once
// used: hold it by unique_ptr.
class socket {
 public:
  explicit socket(int fd);
  ~socket();  // closed, or never used
  socket(socket const&) = delete;
  socket& operator=(socket const&) = delete;

  static task<expected<std::unique_ptr<socket>>> connect(sockaddr_storage address);

  sockaddr_storage const& peer() const { return peer_; }
  int descriptor() const { return fd_; }

  // The next bytes as they come (multishot receive into the io's pool): at least one byte, or empty
  // when the peer has closed its side. Give the buffer back soon: the pool is shared by the
  // connections of the core. When `pause_receiving` was called, received but undelivered pieces
  // stay queued, and no more are taken from the kernel until the next receive(). closed: shutdown()
  // was called. reset: the connection broke.
  task<expected<buffer>> receive();
  // Exactly to.size() bytes (closed when the peer ends before that), first from pieces already
  // received, the rest by one receive into `to` (no copy): the body of a large frame.
  task<expected<>> receive_exactly(std::span<std::byte> to);
  // Bytes received from the kernel and not yet handed out; bounds what one connection can hold of
  // the pool.
  std::size_t buffered() const;
  void pause_receiving();

  // All of it or an error; closed after shutdown(). The memory must not change until it is done.
  // The span's iovecs may be changed.
  task<expected<>> send(std::vector<iovec> vectors, bool more_follows = false);
  task<expected<>> send(std::span<iovec> vectors, bool more_follows = false);
  // Reads the range in slices into the core's memory and sends them: asynchronous all the way, so a
  // slow disk holds up this peer only. end_of_file when the file is shorter than the range: the
  // peer has got a part of it.
  task<expected<>> send_file(file_range range, bool more_follows = false);

  void shutdown();
  task<> close();

  // To go on with the connection on another core: receive() ends with `cancelled` (or as the stream
  // did). Then, with no receive and no send in progress, release() gives the descriptor away;
  // `unread` gets what has been received and not handed out. The socket is not used again.
  void leave();
  task<int> release(std::vector<std::byte>& unread);

 private:
  struct receiver;
  errc broken() const;
  int fd_;
  sockaddr_storage peer_{};
  std::unique_ptr<receiver> receiver_;
  bool shut_ = false;
  bool leaving_ = false;
};

// A listening socket: hands out connections in the order of their arrival.
class listener {
 public:
  // error names the address and, when another process holds the port, says so.
  static expected<std::unique_ptr<listener>, error> open(sockaddr_storage const& address,
                                                         int backlog);
  ~listener();
  std::uint16_t port() const { return port_; }
  // The descriptor of the next connection: it may be handed to another core, which makes a socket
  // of it. errc::closed after stop(). too_many_files and no_memory are passed on: the caller waits
  // a moment and goes on.
  task<expected<int>> accept();
  void stop();
  task<> close();

 private:
  struct acceptor;
  listener(int fd, std::uint16_t port);
  int fd_;
  std::uint16_t port_;
  std::unique_ptr<acceptor> acceptor_;
};

}  // namespace karst
