#include "net/exchange.h"

#include "net/limits.h"

namespace karst::net {

std::unique_ptr<exchange> exchange_pool::take() {
  if (spare_.empty()) return std::make_unique<exchange>();
  auto taken = std::move(spare_.back());
  spare_.pop_back();
  return taken;
}

void exchange_pool::give_back(std::unique_ptr<exchange> done) {
  if (spare_.size() == limit::spare_exchanges) return;
  std::destroy_at(done.get());
  std::construct_at(done.get());
  spare_.push_back(std::move(done));
}

}  // namespace karst::net
