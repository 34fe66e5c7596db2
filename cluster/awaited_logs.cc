#include "cluster/awaited_logs.h"

namespace karst::cluster {

task<> awaited_logs::wait(log::log_id id) {
  auto& log = *logs_.at(id);
  ++log.waiting;
  (void)co_await log.turn.take(1);
  --log.waiting;
  // The next one becomes ready, and runs when this one suspends.
  log.turn.give(1);
  if (log.waiting == 0) logs_.erase(id);
}

void awaited_logs::release(awaited& log) {
  if (!std::exchange(log.settled, true)) log.turn.give(1);
}

void awaited_logs::settle(log::log_id id) {
  auto found = logs_.find(id);
  if (found == logs_.end()) return;
  release(*found->second);
  if (found->second->waiting == 0) logs_.erase(found);
}

void awaited_logs::end() {
  for (auto it = logs_.begin(); it != logs_.end();) {
    release(*it->second);
    it = it->second->waiting == 0 ? logs_.erase(it) : std::next(it);
  }
}

}  // namespace karst::cluster
