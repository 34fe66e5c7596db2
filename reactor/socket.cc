#include "reactor/socket.h"

#include "reactor/base/limits.h"
#include "reactor/core.h"

namespace karst {
namespace {

task<> close_descriptor(int fd) {
  ready_operation op;
  op.code = opcode::close;
  op.fd = fd;
  (void)co_await op;
}

// From here on the peer's bytes come as they arrive; a rest up to this is awaited that way instead
// of stopping the receive.
constexpr std::size_t small_rest = 2 * limits::receive_buffer_bytes;
// One read and one send of send_file.
constexpr std::size_t file_slice = 256 * KiB;

}  // namespace

// The multishot receive and what it has brought.
struct socket::receiver : operation {
  std::vector<buffer> pieces;  // from `first` on: not yet handed out
  std::size_t first = 0;
  std::size_t bytes = 0;
  bool ended = false;     // the stream is over: by the peer (error ok), or broken
  bool stopping = false;  // cancelled, its last result is awaited
  errc failure = errc::ok;
  bool waited_for = false;
  ready_node node;

  void arm(int descriptor) {
    code = opcode::receive;
    multishot = true;
    fd = descriptor;
    stopping = false;
    complete = on_result;
    core::current().io().submit(*this);
  }
  void stop() {
    if (!in_flight || stopping) return;
    stopping = true;
    core::current().io().cancel(*this);
  }

  static void on_result(operation& op, io_result&& result) {
    auto& self = static_cast<receiver&>(op);
    if (!result.received.empty()) {
      self.bytes += result.received.size();
      // What waits for its owner while others need the pool lives elsewhere.
      auto crowded = !self.waited_for && core::current().io().receive_memory_low();
      self.pieces.push_back(crowded ? buffer::copy_of(result.received.bytes())
                                    : std::move(result.received));
    } else if (result.error == errc::ok) {
      self.ended = true;
    } else if (result.error != errc::cancelled && result.error != errc::no_memory) {
      self.ended = true;
      self.failure = result.error;
    }
    if (self.waited_for) {
      self.waited_for = false;
      core::current().scheduler().make_ready(self.node);
    } else if (self.bytes >= (core::current().io().receive_memory_low()
                                  ? limits::received_ahead_bytes
                                  : limits::received_ahead_most)) {
      self.stop();
    }
  }

  // The next results, or the end of the operation.
  struct change {
    receiver& of;
    bool await_ready() { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
      KARST_ASSERT(!of.waited_for, "two receives on one socket");
      of.node.handle = waiting;
      of.waited_for = true;
    }
    void await_resume() {}
  };
  change changed() { return {*this}; }

  bool has_piece() const { return first != pieces.size(); }
  buffer take_piece() {
    auto piece = std::move(pieces[first++]);
    bytes -= piece.size();
    if (first == pieces.size()) {
      pieces.clear();
      first = 0;
    }
    return piece;
  }
  // Moves what is there into `to`; returns how much.
  std::size_t take_bytes(std::span<std::byte> to) {
    std::size_t taken = 0;
    while (has_piece() && taken != to.size()) {
      auto& piece = pieces[first];
      auto part = std::min(piece.size(), to.size() - taken);
      std::memcpy(to.data() + taken, piece.data(), part);
      taken += part;
      if (part == piece.size()) {
        take_piece();
      } else {
        piece.trim_front(part);
        bytes -= part;
      }
    }
    return taken;
  }
};

socket::socket(int fd) : fd_(fd), receiver_(std::make_unique<receiver>()) {
  if (auto peer = core::current().io().peer_address(fd)) peer_ = *peer;
}

socket::~socket() {
  KARST_ASSERT(!receiver_->in_flight, "a socket that has received is closed before it goes");
  if (fd_ >= 0) core::current().background().spawn(close_descriptor(fd_));
}

task<expected<std::unique_ptr<socket>>> socket::connect(sockaddr_storage address) {
  auto fd = core::current().io().make_socket(address.ss_family);
  if (!fd) co_return fail(fd.error());
  ready_operation op;
  op.code = opcode::connect;
  op.fd = *fd;
  op.address = &address;
  auto result = co_await op;
  if (result.error != errc::ok) {
    co_await close_descriptor(*fd);
    co_return fail(result.error);
  }
  co_return std::make_unique<socket>(*fd);
}

std::size_t socket::buffered() const { return receiver_->bytes; }

void socket::pause_receiving() { receiver_->stop(); }

errc socket::broken() const {
  if (shut_) return errc::closed;
  return receiver_->failure == errc::ok ? errc::closed : receiver_->failure;
}

task<expected<buffer>> socket::receive() {
  auto& from = *receiver_;
  while (!shut_ && !leaving_) {
    if (from.has_piece()) {
      auto piece = from.take_piece();
      auto low = core::current().io().receive_memory_low();
      co_return low ? buffer::copy_of(piece.bytes()) : std::move(piece);
    }
    if (from.ended) break;
    if (!from.in_flight) from.arm(fd_);
    co_await from.changed();
  }
  if (!shut_ && leaving_ && (from.has_piece() || !from.ended)) co_return fail(errc::cancelled);
  if (!shut_ && from.failure == errc::ok) co_return buffer{};
  co_return fail(broken());
}

task<expected<>> socket::receive_exactly(std::span<std::byte> to) {
  auto& from = *receiver_;
  while (!shut_) {
    to = to.subspan(from.take_bytes(to));
    if (to.empty()) co_return expected<>{};
    if (from.ended) break;
    if (from.in_flight) {
      if (to.size() > small_rest) from.stop();
      co_await from.changed();
      continue;
    }
    iovec vector{to.data(), to.size()};
    ready_operation op;
    op.code = opcode::receive_exactly;
    op.fd = fd_;
    op.vectors = &vector;
    op.vector_count = 1;
    auto result = co_await op;
    to = to.subspan(static_cast<std::size_t>(result.value));
    if (to.empty()) co_return expected<>{};
    from.ended = true;
    from.failure = result.error;
  }
  co_return fail(broken());
}

task<expected<>> socket::send(std::vector<iovec> vectors, bool more_follows) {
  co_return co_await send(std::span{vectors}, more_follows);
}

task<expected<>> socket::send(std::span<iovec> vectors, bool more_follows) {
  if (shut_) co_return fail(errc::closed);
  ready_operation op;
  op.code = opcode::send;
  op.fd = fd_;
  op.vectors = vectors.data();
  op.vector_count = static_cast<std::uint32_t>(vectors.size());
  op.more_follows = more_follows;
  auto result = co_await op;
  if (result.error == errc::ok) co_return expected<>{};
  co_return fail(shut_ ? errc::closed : result.error);
}

task<expected<>> socket::send_file(file_range range, bool more_follows) {
  auto& memory = core::current().memory();
  while (range.length != 0) {
    auto slice = std::min<std::size_t>(file_slice, range.length);
    auto piece = memory.take(slice);
    while (piece.empty()) {
      (void)co_await memory.freed().wait();
      piece = memory.take(slice);
    }
    auto got = co_await range.source->read(range.position, {piece.data(), slice});
    if (!got) co_return fail(got.error());
    if (*got != slice) co_return fail(errc::end_of_file);
    range.position += slice;
    range.length -= slice;
    iovec vector{piece.data(), slice};
    auto sent = co_await send(std::span{&vector, 1}, more_follows || range.length != 0);
    if (!sent) co_return sent;
  }
  co_return expected<>{};
}

void socket::shutdown() {
  if (shut_ || fd_ < 0) return;
  shut_ = true;
  core::current().io().shutdown_socket(fd_);
  // A receive that waits for pool memory does not see the shutdown.
  receiver_->stop();
}

task<> socket::close() {
  if (fd_ < 0) co_return;
  shutdown();
  while (receiver_->in_flight) co_await receiver_->changed();
  receiver_->pieces.clear();
  receiver_->first = receiver_->bytes = 0;
  co_await close_descriptor(std::exchange(fd_, -1));
}

void socket::leave() {
  leaving_ = true;
  receiver_->stop();
}

task<int> socket::release(std::vector<std::byte>& unread) {
  KARST_ASSERT(leaving_ && fd_ >= 0, "released without leave()");
  while (receiver_->in_flight) co_await receiver_->changed();
  while (receiver_->has_piece()) {
    auto piece = receiver_->take_piece();
    unread.insert(unread.end(), piece.data(), piece.data() + piece.size());
  }
  core::current().io().forget_socket(fd_);
  co_return std::exchange(fd_, -1);
}

}  // namespace karst
