#include "log/index_cache.h"

namespace karst::log {

void index_cache::entry::leave() {
  if (cache_ == nullptr) return;
  unlink();
  cache_->bytes_ -= bytes_;
  cache_ = nullptr;
}

void index_cache::use(entry& used, std::size_t bytes) {
  used.leave();
  used.cache_ = this;
  used.bytes_ = bytes;
  bytes_ += bytes;
  entries_.push_back(used);
  while (bytes_ > bytes_most_ && &entries_.front() != &used) {
    auto& oldest = entries_.front();
    oldest.leave();
    oldest.give_up();
  }
}

}  // namespace karst::log
