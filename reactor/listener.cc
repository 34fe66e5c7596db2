#include <vector>

#include "reactor/base/limits.h"
#include "reactor/core.h"
#include "reactor/socket.h"

namespace karst {
namespace {

task<> close_descriptor(int fd) {
  ready_operation op;
  op.code = opcode::close;
  op.fd = fd;
  (void)co_await op;
}

// The error of a refused listen, with what to do about it.
error listen_refused(errc code, sockaddr_storage const& address) {
  auto what = fmt::format("cannot listen on {}: {}", format_address(address), describe(code));
  switch (code) {
    case errc::address_in_use:
      return {code, std::move(what),
              "another process holds the port: stop it, or choose another port in listeners"};
    case errc::address_unavailable:
      return {code, std::move(what),
              "name an address of this host in listeners, or 0.0.0.0 for all"};
    case errc::permission:
      return {code, std::move(what),
              "ports below 1024 need privileges: choose a higher one in listeners"};
    default:
      return {code, std::move(what), ""};
  }
}

}  // namespace

// The multishot accept, and the connections nobody has taken yet.
struct listener::acceptor : operation {
  std::vector<int> accepted;
  std::size_t first = 0;
  errc failure = errc::ok;  // of the last accept: told once, then the accept is armed again
  bool stopped = false;
  bool waited_for = false;
  ready_node node;

  void arm(int descriptor) {
    code = opcode::accept;
    multishot = true;
    fd = descriptor;
    complete = on_result;
    core::current().io().submit(*this);
  }
  void stop() {
    if (in_flight) core::current().io().cancel(*this);
  }
  static void on_result(operation& op, io_result&& result) {
    auto& self = static_cast<acceptor&>(op);
    if (result.error == errc::ok) {
      self.accepted.push_back(static_cast<int>(result.value));
    } else if (result.error != errc::cancelled) {
      self.failure = result.error;
    }
    if (self.waited_for) {
      self.waited_for = false;
      core::current().scheduler().make_ready(self.node);
    } else if (self.accepted.size() - self.first >= limits::accepted_ahead) {
      self.stop();
    }
  }

  struct change {
    acceptor& of;
    bool await_ready() { return false; }
    void await_suspend(std::coroutine_handle<> waiting) {
      KARST_ASSERT(!of.waited_for, "two accepts on one listener");
      of.node.handle = waiting;
      of.waited_for = true;
    }
    void await_resume() {}
  };
};

expected<std::unique_ptr<listener>, error> listener::open(sockaddr_storage const& address,
                                                          int backlog) {
  auto opened = core::current().io().listen(address, backlog);
  if (!opened) return std::unexpected(listen_refused(opened.error(), address));
  return std::unique_ptr<listener>{new listener{opened->fd, opened->port}};
}

listener::listener(int fd, std::uint16_t port)
    : fd_(fd), port_(port), acceptor_(std::make_unique<acceptor>()) {}

listener::~listener() {
  KARST_ASSERT(!acceptor_->in_flight, "a listener that has accepted is closed before it goes");
  if (fd_ >= 0) core::current().background().spawn(close_descriptor(fd_));
}

task<expected<int>> listener::accept() {
  auto& from = *acceptor_;
  while (!from.stopped) {
    if (from.first != from.accepted.size()) {
      auto fd = from.accepted[from.first++];
      if (from.first == from.accepted.size()) {
        from.accepted.clear();
        from.first = 0;
      }
      co_return fd;
    }
    if (from.failure != errc::ok) co_return fail(std::exchange(from.failure, errc::ok));
    if (!from.in_flight) from.arm(fd_);
    co_await acceptor::change{from};
  }
  co_return fail(errc::closed);
}

void listener::stop() {
  acceptor_->stopped = true;
  acceptor_->stop();
  if (acceptor_->waited_for && !acceptor_->in_flight) {
    acceptor_->waited_for = false;
    core::current().scheduler().make_ready(acceptor_->node);
  }
}

task<> listener::close() {
  if (fd_ < 0) co_return;
  stop();
  while (acceptor_->in_flight) co_await acceptor::change{*acceptor_};
  // Connections that were accepted and never handed out.
  for (; acceptor_->first != acceptor_->accepted.size(); ++acceptor_->first) {
    co_await close_descriptor(acceptor_->accepted[acceptor_->first]);
  }
  co_await close_descriptor(std::exchange(fd_, -1));
}

}  // namespace karst
