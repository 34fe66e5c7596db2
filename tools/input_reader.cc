#include "tools/input_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "reactor/core.h"

namespace karst::tools {
namespace {

constexpr std::size_t piece_bytes = 256 * KiB;
constexpr std::size_t pieces_ahead = 8;

}  // namespace

// Shared with the thread, which may still sit in read(2) when the reader is gone.
struct input_reader::state {
  struct source {
    std::string name;
    int fd;
  };
  std::vector<source> sources;
  std::optional<std::uint64_t> total;
  core* home = nullptr;
  waiters arrived;  // on the core

  mutable std::mutex mutex;
  std::condition_variable room;
  std::deque<std::string> pieces;
  bool ended = false;
  bool abandoned = false;
  std::optional<error> failure;

  ~state() {
    for (auto const& each : sources) {
      if (each.fd > STDERR_FILENO) ::close(each.fd);
    }
  }
  // With the mutex held. The core outlives the reader, so it is told only until the reader is gone.
  void notify(std::shared_ptr<state> const& self) {
    if (!abandoned) home->post_from_outside([self] { self->arrived.wake_all(); });
  }
  static void read_all(std::shared_ptr<state> self);
};

void input_reader::state::read_all(std::shared_ptr<state> self) {
  for (auto const& each : self->sources) {
    while (true) {
      std::string piece(piece_bytes, '\0');
      auto bytes = ::read(each.fd, piece.data(), piece.size());
      if (bytes < 0 && errno == EINTR) continue;
      std::unique_lock lock{self->mutex};
      if (bytes < 0) {
        self->failure = error{
            errc::io_error, fmt::format("cannot read {}: {}", each.name, std::strerror(errno)), ""};
        self->ended = true;
        return self->notify(self);
      }
      if (bytes == 0) break;
      piece.resize(static_cast<std::size_t>(bytes));
      self->room.wait(lock, [&] { return self->pieces.size() < pieces_ahead || self->abandoned; });
      if (self->abandoned) return;
      self->pieces.push_back(std::move(piece));
      self->notify(self);
    }
  }
  std::scoped_lock lock{self->mutex};
  self->ended = true;
  self->notify(self);
}

expected<input_reader, error> input_reader::open(std::vector<std::string> const& paths) {
  auto shared = std::make_shared<state>();
  shared->home = &core::current();
  if (paths.empty()) shared->sources.push_back({"standard input", STDIN_FILENO});
  std::uint64_t total = 0;
  auto known = true;
  for (auto const& path : paths) {
    auto fd = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      return fail(errc::io_error, "", "cannot open {}: {}", path, std::strerror(errno));
    }
    shared->sources.push_back({path, fd});
  }
  for (auto const& each : shared->sources) {
    struct stat status{};
    known &= ::fstat(each.fd, &status) == 0 && S_ISREG(status.st_mode);
    total += static_cast<std::uint64_t>(status.st_size);
  }
  if (known) shared->total = total;
  std::thread{state::read_all, shared}.detach();
  return input_reader{std::move(shared)};
}

input_reader::input_reader(std::shared_ptr<state> shared) : state_(std::move(shared)) {}
input_reader::input_reader(input_reader&&) noexcept = default;

input_reader::~input_reader() {
  if (!state_) return;
  std::scoped_lock lock{state_->mutex};
  state_->abandoned = true;
  state_->room.notify_all();
}

std::optional<std::uint64_t> input_reader::total() const { return state_->total; }

bool input_reader::ready() const {
  std::scoped_lock lock{state_->mutex};
  return !state_->pieces.empty() || state_->ended;
}

task<expected<std::optional<std::string>, error>> input_reader::next() {
  while (!ready()) (void)co_await state_->arrived.wait();
  std::scoped_lock lock{state_->mutex};
  if (!state_->pieces.empty()) {
    std::optional<std::string> piece{std::move(state_->pieces.front())};
    state_->pieces.pop_front();
    state_->room.notify_all();
    co_return piece;
  }
  if (state_->failure) co_return unexpected<error>(*state_->failure);
  co_return std::optional<std::string>{};
}

}  // namespace karst::tools
