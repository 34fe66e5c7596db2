#include "tools/output_writer.h"

#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "reactor/core.h"

namespace karst::tools {

// Shared with the thread, which may still sit in write(2) when the writer is gone.
struct output_writer::state {
  core* home = nullptr;
  waiters written;  // on the core

  std::mutex mutex;
  std::condition_variable wanted;
  std::optional<std::string> text;
  std::optional<int> outcome;  // errno of the last write, 0 when it went well
  bool abandoned = false;

  static void write_all(std::shared_ptr<state> self);
  static int write_one(std::string const& text);
};

int output_writer::state::write_one(std::string const& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    auto bytes = ::write(STDOUT_FILENO, text.data() + done, text.size() - done);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return errno;
    done += static_cast<std::size_t>(bytes);
  }
  return 0;
}

void output_writer::state::write_all(std::shared_ptr<state> self) {
  std::unique_lock lock{self->mutex};
  while (true) {
    self->wanted.wait(lock, [&] { return self->text || self->abandoned; });
    if (self->abandoned) return;
    auto text = std::move(*self->text);
    self->text.reset();
    lock.unlock();
    auto outcome = write_one(text);
    lock.lock();
    self->outcome = outcome;
    if (self->abandoned) return;
    self->home->post_from_outside([self] { self->written.wake_all(); });
  }
}

output_writer::output_writer() : state_(std::make_shared<state>()) {
  state_->home = &core::current();
  std::thread{state::write_all, state_}.detach();
}

output_writer::~output_writer() {
  std::scoped_lock lock{state_->mutex};
  state_->abandoned = true;
  state_->wanted.notify_all();
}

task<expected<void, error>> output_writer::write(std::string text, abort_source* abort) {
  {
    std::scoped_lock lock{state_->mutex};
    state_->text = std::move(text);
    state_->outcome.reset();
    state_->wanted.notify_all();
  }
  auto outcome_so_far = [this] {
    std::scoped_lock lock{state_->mutex};
    return state_->outcome;
  };
  auto outcome = outcome_so_far();
  while (!outcome) {
    auto woken = co_await state_->written.wait(never, abort);
    outcome = outcome_so_far();
    if (!outcome && woken == wake_reason::aborted) {
      co_return fail(errc::cancelled, "", "the output was not taken");
    }
  }
  if (*outcome == 0) co_return expected<void, error>{};
  co_return fail(*outcome == EPIPE ? errc::reset : errc::io_error,
                 "make room there and read again; nothing is lost in the topic",
                 "cannot write the output: {}", std::strerror(*outcome));
}

}  // namespace karst::tools
