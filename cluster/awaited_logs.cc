#include "cluster/awaited_logs.h"

namespace karst::cluster {

task<bool> awaited_logs::wait(log::log_id id, time_point deadline) {
  auto& log = *logs_.at(id);
  ++log.waiting;
  auto reason = co_await log.turn.take(1, deadline);
  --log.waiting;
  // The next one becomes ready, and runs when this one suspends.
  if (reason == wake_reason::signalled) log.turn.give(1);
  if (log.over && log.waiting == 0) logs_.erase(id);
  co_return reason == wake_reason::signalled;
}

void awaited_logs::release(awaited& log) {
  if (!std::exchange(log.over, true)) log.turn.give(1);
}

void awaited_logs::came(log::log_id id) {
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
