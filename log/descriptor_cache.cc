#include "log/descriptor_cache.h"

namespace karst::log {

void cached_file::forget() {
  if (handle_ == nullptr) return;
  unlink();
  --cache_->count_;
  handle_.reset();
}

task<> cached_file::close() {
  auto handle = handle_;
  forget();
  if (handle.use_count() == 1) (void)co_await handle->close();
}

// The file that was unused longest, no longer counted here: to be closed.
std::shared_ptr<file> descriptor_cache::take_idle() {
  for (auto left = count_; left != 0; --left) {
    auto& first = files_.front();
    if (first.handle_.use_count() == 1) {
      auto idle = first.handle_;
      first.forget();
      return idle;
    }
    // In use, and hence not unused for long.
    first.unlink();
    files_.push_back(first);
  }
  return nullptr;
}

task<expected<std::shared_ptr<file>>> descriptor_cache::open(cached_file& wanted, std::string path,
                                                             std::uint32_t open_flags) {
  while (!wanted.is_open()) {
    while (count_ >= most_) {
      auto idle = take_idle();
      if (idle == nullptr) break;
      (void)co_await idle->close();
    }
    auto opened = co_await file::open(path, open_flags);
    if (opened && !wanted.is_open()) {
      wanted.handle_ = std::make_shared<file>(std::move(*opened));
      wanted.cache_ = this;
      ++count_;
      files_.push_back(wanted);
    }
    if (opened || wanted.is_open()) break;
    // Others of this process may have taken the descriptors.
    auto idle = opened.error() == karst::errc::too_many_files ? take_idle() : nullptr;
    if (idle == nullptr) co_return fail(opened.error());
    (void)co_await idle->close();
  }
  auto handle = wanted.handle_;
  wanted.unlink();
  files_.push_back(wanted);
  co_return handle;
}

}  // namespace karst::log
