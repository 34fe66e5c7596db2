#include "bench/pacer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "reactor/core.h"
#include "reactor/ready_operation.h"

namespace karst::bench {

expected<std::unique_ptr<pacer>, error> pacer::make() {
  auto timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  if (timer < 0) {
    return fail(errc::too_many_files, "raise the limit of open files (ulimit -n)",
                "cannot make a timer for the load's rate: {}", std::strerror(errno));
  }
  std::unique_ptr<pacer> made{new pacer{timer}};
  made->tasks_.spawn(made->run());
  return made;
}

pacer::~pacer() { ::close(timer_); }

void pacer::arm(time_point at) {
  armed_ = at;
  auto since = at.time_since_epoch();
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  itimerspec setting{.it_value = {.tv_sec = seconds.count(), .tv_nsec = (since - seconds).count()}};
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &setting, nullptr);
}

task<> pacer::wait_until(time_point at, abort_source& abort) {
  waiters woken;
  sleepers_.push_back({at, &woken});
  std::ranges::push_heap(sleepers_, std::greater{}, &sleeper::at);
  if (at < armed_) {
    arm(at);
    changed_.wake_all();
  }
  if (co_await woken.wait(never, &abort) == wake_reason::signalled) co_return;
  std::erase_if(sleepers_, [&](sleeper const& each) { return each.woken == &woken; });
  std::ranges::make_heap(sleepers_, std::greater{}, &sleeper::at);
}

void pacer::wake_those_due(time_point now) {
  while (!sleepers_.empty() && sleepers_.front().at <= now) {
    std::ranges::pop_heap(sleepers_, std::greater{}, &sleeper::at);
    sleepers_.back().woken->wake_one();
    sleepers_.pop_back();
  }
}

task<> pacer::run() {
  while (!closing_) {
    if (sleepers_.empty()) {
      armed_ = never;
      (void)co_await changed_.wait();
      continue;
    }
    arm(sleepers_.front().at);
    std::uint64_t expirations = 0;
    iovec vector{&expirations, sizeof expirations};
    ready_operation op;
    op.code = opcode::read;
    op.fd = timer_;
    op.vectors = &vector;
    op.vector_count = 1;
    (void)co_await op;
    wake_those_due(core::current().clock().now());
  }
}

task<> pacer::close() {
  closing_ = true;
  changed_.wake_all();
  // A read that waits comes back at once: the time is long past.
  arm(time_point{duration{1}});
  co_await tasks_.join();
}

}  // namespace karst::bench
