#pragma once

#include <csignal>
#include <functional>
#include <thread>

namespace karst {

// Blocks SIGTERM and SIGINT in the calling thread and in those that it starts from now on, and
// ignores SIGPIPE (a closed peer is an error of the send). The destructor puts back what was
// before.
class signal_block {
 public:
  signal_block();
  ~signal_block();
  signal_block(signal_block const&) = delete;
  signal_block& operator=(signal_block const&) = delete;

 private:
  sigset_t before_;
  struct sigaction pipe_before_;
};

// Takes the blocked signals, every one of them: a second SIGTERM during a clean stop is seen as
// such. `arrived` runs on this thread.
class signal_thread {
 public:
  explicit signal_thread(std::function<void(int)> arrived);
  ~signal_thread() { stop(); }
  // No call of `arrived` is in progress or will be made afterwards.
  void stop();

 private:
  void work();
  std::function<void(int)> arrived_;
  int signals_fd_;
  int stop_fd_;
  std::thread thread_;
};

}  // namespace karst
