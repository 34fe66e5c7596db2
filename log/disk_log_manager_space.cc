// What the logs of one core do when their volume runs short (STORAGE.md 6).
#include "log/disk_log_manager.h"
#include "reactor/base/logging.h"
#include "reactor/submit_to.h"

namespace karst::log {

void disk_log_manager::note_space(space_level level, std::string const& refusal) {
  auto const was_full = services_.full;
  services_.low = level != space_level::ample;
  services_.removals.hurry(services_.low);
  services_.full = level == space_level::full;
  services_.space_refusal = refusal;
  if (was_full != services_.full) journal_->room_made().wake_all();
  if (!was_full && services_.full && !stopping_) tasks_.spawn(give_space_back());
}

task<bool> disk_log_manager::free_removed() {
  if (!services_.removals.busy()) co_return false;
  co_await services_.removals.one_freed();
  co_return true;
}

// Preallocated space that nobody may claim now.
task<> disk_log_manager::give_space_back() {
  std::vector<std::shared_ptr<disk_log>> all;
  for (auto& [id, log] : logs_) all.push_back(log);
  for (auto& log : all) {
    if (stopping_ || services_.failed() || !services_.full) break;
    co_await log->give_space_back();
  }
  ask_for_space();
}

void disk_log_manager::ask_for_space() {
  if (!entered_ || std::exchange(asking_for_space_, true)) return;
  tasks_.spawn(tell_space());
}

task<> disk_log_manager::tell_space() {
  co_await submit_to(directory_.home(),
                     [&directory = directory_] { directory.check_space_soon(); });
  asking_for_space_ = false;
}

task<std::optional<doomed_segment>> disk_log_manager::oldest_segment() {
  std::vector<std::shared_ptr<disk_log>> all;
  for (auto& [id, log] : logs_) all.push_back(log);
  std::optional<doomed_segment> oldest;
  for (auto& log : all) {
    if (!entered_ || services_.failed()) co_return std::nullopt;
    auto found = co_await log->oldest_segment();
    if (found && (!oldest || found->newest < oldest->newest)) oldest = found;
  }
  co_return oldest;
}

task<std::uint64_t> disk_log_manager::delete_segment(doomed_segment doomed) {
  auto known = logs_.find(doomed.log);
  if (known == logs_.end()) co_return 0;
  auto log = known->second;
  co_return co_await log->delete_early(doomed);
}

}  // namespace karst::log
