#pragma once

#include <memory>
#include <vector>

#include "log/decompressor.h"
#include "log/limits.h"
#include "reactor/semaphore.h"

namespace karst::log {

// The decompressors of one core: limit::inflating of them, made when first needed and kept, because
// their contexts are costly to make and bound the memory that inflating takes. First come, first
// served. Must outlive its leases.
class decompressor_pool {
 public:
  // One decompressor, given back when the lease ends.
  class lease {
   public:
    lease(decompressor_pool& pool, std::unique_ptr<decompressor> held)
        : pool_(&pool), held_(std::move(held)) {}
    lease(lease&&) = default;
    ~lease() {
      if (held_) pool_->put_back(std::move(held_));
    }
    decompressor& operator*() const { return *held_; }

   private:
    decompressor_pool* pool_;
    std::unique_ptr<decompressor> held_;
  };

  // Waits for a free one.
  task<lease> take() {
    co_await slots_.take(1);
    if (idle_.empty()) co_return lease{*this, std::make_unique<decompressor>()};
    auto held = std::move(idle_.back());
    idle_.pop_back();
    co_return lease{*this, std::move(held)};
  }

 private:
  void put_back(std::unique_ptr<decompressor> held) {
    idle_.push_back(std::move(held));
    slots_.give(1);
  }
  semaphore slots_{limit::inflating};
  std::vector<std::unique_ptr<decompressor>> idle_;
};

}  // namespace karst::log
