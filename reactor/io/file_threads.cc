#include "reactor/io/file_threads.h"

#include <csignal>

#include "reactor/io/file_calls.h"

namespace karst {
namespace {

// In io_state[1] until the result is there: distinguishes waiting from finished, both of which are
// linked.
constexpr auto unfinished = ~std::uint64_t{0};

}  // namespace

file_threads::file_threads(std::uint32_t most, void (*notify)(void*), void* context)
    : most_(most), notify_(notify), context_(context) {
  threads_.reserve(most);
}

file_threads::~file_threads() {
  {
    std::scoped_lock lock{mutex_};
    stopping_ = true;
  }
  arrived_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void file_threads::run(operation& op) {
  auto one_more = false;
  {
    std::scoped_lock lock{mutex_};
    op.io_state[1] = unfinished;
    waiting_.push_back(op);
    ++waiting_count_;
    one_more = waiting_count_ > idle_ && threads_.size() < most_;
  }
  arrived_.notify_one();
  if (one_more) threads_.emplace_back([this] { work(); });
}

bool file_threads::remove(operation& op) {
  std::scoped_lock lock{mutex_};
  if (!op.linked() || op.io_state[1] != unfinished) return false;
  op.unlink();
  --waiting_count_;
  return true;
}

void file_threads::collect(intrusive_list<operation>& into) {
  std::scoped_lock lock{mutex_};
  into.append(finished_);
}

void file_threads::work() {
  // Signals belong to the machine's signal thread.
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    auto* op = waiting_.pop_front();
    if (op == nullptr) {
      ++idle_;
      arrived_.wait(lock);
      --idle_;
      continue;
    }
    --waiting_count_;
    lock.unlock();
    auto result = call_file_operation(*op);
    lock.lock();
    op->io_state[0] = static_cast<std::uint64_t>(result.value);
    op->io_state[1] = static_cast<std::uint64_t>(result.error);
    auto first = finished_.empty();
    finished_.push_back(*op);
    if (first) {
      lock.unlock();
      notify_(context_);
      lock.lock();
    }
  }
}

}  // namespace karst
