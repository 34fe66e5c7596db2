#include "reactor/signal_thread.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "reactor/base/assert.h"

namespace karst {
namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

}  // namespace

signal_block::signal_block() {
  auto signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, &before_);
  struct sigaction ignore{};
  ignore.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &ignore, &pipe_before_);
}

signal_block::~signal_block() {
  sigaction(SIGPIPE, &pipe_before_, nullptr);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

signal_thread::signal_thread(std::function<void(int)> arrived) : arrived_(std::move(arrived)) {
  auto signals = stop_signals();
  signals_fd_ = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
  stop_fd_ = eventfd(0, EFD_CLOEXEC);
  KARST_ASSERT(signals_fd_ >= 0 && stop_fd_ >= 0, "{}", std::strerror(errno));
  thread_ = std::thread{[this] { work(); }};
}

void signal_thread::stop() {
  if (!thread_.joinable()) return;
  std::uint64_t one = 1;
  [[maybe_unused]] auto written = ::write(stop_fd_, &one, sizeof one);
  thread_.join();
  ::close(signals_fd_);
  ::close(stop_fd_);
}

void signal_thread::work() {
  pthread_setname_np(pthread_self(), "karst-signals");
  pollfd watched[2] = {{.fd = signals_fd_, .events = POLLIN, .revents = 0},
                       {.fd = stop_fd_, .events = POLLIN, .revents = 0}};
  while (true) {
    if (poll(watched, 2, -1) < 0) continue;
    signalfd_siginfo taken;
    while (::read(signals_fd_, &taken, sizeof taken) == sizeof taken) {
      arrived_(static_cast<int>(taken.ssi_signo));
    }
    if (watched[1].revents != 0) return;
  }
}

}  // namespace karst
