#include "log/file_remover.h"

#include "reactor/core.h"

namespace karst::log {

task<expected<>> file_remover::remove(std::string path) {
  if (!running_ || hurried_ || doomed_.size() >= most_) {
    co_return co_await unlink_file(std::move(path));
  }
  auto const status = co_await status_of(path);
  if (!status || status->size <= step_ || status->links > 1) {
    co_return co_await unlink_file(std::move(path));
  }
  auto opened = co_await file::open(path, open_write);
  auto gone = co_await unlink_file(path);
  if (!opened) co_return gone;
  if (gone && running_) {
    doomed_.push_back({std::move(*opened), status->size, path.substr(0, path.rfind('/'))});
    added_.wake_all();
  } else {
    (void)co_await opened->close();
  }
  co_return gone;
}

task<> file_remover::run(abort_source& stop) {
  running_ = true;
  while (!stop.requested()) {
    if (doomed_.empty()) {
      (void)co_await added_.wait(never, &stop);
      continue;
    }
    freeing_ = true;
    auto next = std::move(doomed_.front());
    doomed_.pop_front();
    co_await free_blocks(std::move(next), stop);
    freeing_ = false;
    freed_.wake_all();
  }
  running_ = false;
  while (!doomed_.empty()) {
    auto left = std::move(doomed_.front());
    doomed_.pop_front();
    (void)co_await left.open.close();
  }
  freed_.wake_all();
}

// A rest is a multiple of the time that the step before it took. A file system with a journal
// discards later, behind our back: hence the least rest.
task<> file_remover::free_blocks(doomed_file doomed, abort_source& stop) {
  // A power cut must not bring the name back to a file that is cut.
  auto const nameless = co_await sync_directory(doomed.directory);
  while (nameless && doomed.size != 0 && !stop.requested()) {
    auto const before = core::current().clock().now();
    doomed.size -= std::min(doomed.size, step_);
    if (auto cut = co_await doomed.open.truncate(doomed.size); !cut) break;
    auto const now = core::current().clock().now();
    if (hurried_) continue;
    auto const rest = std::max<duration>(limit::rests_while_freeing * (now - before),
                                         limit::least_rest_while_freeing);
    (void)co_await no_rest_.wait(now + rest, &stop);
  }
  (void)co_await doomed.open.close();
}

void file_remover::hurry(bool hurried) {
  hurried_ = hurried;
  no_rest_.wake_all();
}

task<> file_remover::one_freed() {
  if (running_ && busy()) (void)co_await freed_.wait();
}

}  // namespace karst::log
