// Watching the volume of a directory, and early retention when it runs short (STORAGE.md 6).
#include "log/disk_log_directory.h"
#include "log/disk_log_manager.h"
#include "reactor/base/logging.h"
#include "reactor/submit_to.h"

namespace karst::log {
namespace {

constexpr auto space_interval = 5s;
// Producers wait for it.
constexpr auto space_interval_when_full = 1s;

}  // namespace

void disk_log_directory::enter(core_id core, disk_log_manager& manager) {
  managers_[core] = &manager;
  if (!std::exchange(watching_space_, true)) tasks_.spawn(watch_space());
}

// Whoever asks a manager for something holds the turn: it is there until it has answered.
task<> disk_log_directory::leave(core_id core) {
  (void)co_await managers_turn_.take(1);
  managers_[core] = nullptr;
  managers_turn_.give(1);
}

void disk_log_directory::check_space_soon() {
  space_asked_ = true;
  space_wanted_.wake_all();
}

task<> disk_log_directory::watch_space() {
  while (!stop_.requested()) {
    space_asked_ = false;
    co_await check_space();
    auto const full = space_.level() == space_level::full;
    auto const next = core::current().now() + (full ? space_interval_when_full : space_interval);
    if (!space_asked_) (void)co_await space_wanted_.wait(next, &stop_);
  }
}

task<> disk_log_directory::check_space() {
  auto const now = free_space(options_.path);
  if (!now) co_return;
  auto const before = space_.level();
  if (space_.update(*now)) {
    if (space_.level() == space_level::full) {
      logging::error("log", "{}", space_.report());
    } else if (space_.level() == space_level::low && before == space_level::ample) {
      logging::warn("log", "{}", space_.report());
    } else {
      logging::info("log", "{}", space_.report());
    }
    nothing_to_delete_ = false;
  } else if (space_.level() == space_level::ample) {
    co_return;
  }
  co_await tell_of_space();
  if (space_.level() == space_level::ample) co_return;
  if (co_await free_removed()) {
    // It may be enough: looked at again at once.
    space_asked_ = true;
    co_return;
  }
  if (space_.policy() != space_policy::delete_oldest) co_return;
  co_await delete_oldest();
}

task<> disk_log_directory::tell_of_space() {
  auto const level = space_.level();
  auto const refusal = space_.refusal();
  (void)co_await managers_turn_.take(1);
  for (core_id core = 0; core < options_.cores; ++core) {
    auto* manager = managers_[core];
    if (manager == nullptr) continue;
    co_await submit_to(core, [manager, level, &refusal] { manager->note_space(level, refusal); });
  }
  managers_turn_.give(1);
}

task<bool> disk_log_directory::free_removed() {
  auto freed = false;
  (void)co_await managers_turn_.take(1);
  for (core_id core = 0; core < options_.cores; ++core) {
    auto* manager = managers_[core];
    if (manager == nullptr) continue;
    auto const here = co_await submit_to(core, [manager] { return manager->free_removed(); });
    freed = freed || here;
  }
  managers_turn_.give(1);
  co_return freed;
}

// The oldest sealed segment of all cores, by its newest record, again and again until enough has
// gone. What readers still hold is counted as gone: its space comes when they are done.
task<> disk_log_directory::delete_oldest() {
  auto excess = space_.excess();
  while (excess != 0 && !stop_.requested()) {
    (void)co_await managers_turn_.take(1);
    std::optional<doomed_segment> oldest;
    core_id owner = no_core;
    for (core_id core = 0; core < options_.cores; ++core) {
      auto* manager = managers_[core];
      if (manager == nullptr) continue;
      auto found = co_await submit_to(core, [manager] { return manager->oldest_segment(); });
      if (!found || (oldest && found->newest >= oldest->newest)) continue;
      oldest = found;
      owner = core;
    }
    std::uint64_t gone = 0;
    if (auto* manager = oldest ? managers_[owner] : nullptr) {
      gone = co_await submit_to(owner,
                                [manager, &oldest] { return manager->delete_segment(*oldest); });
    }
    managers_turn_.give(1);
    if (gone == 0) {
      if (!std::exchange(nothing_to_delete_, true)) {
        logging::warn("log",
                      "{} is still {} bytes short of its soft mark, and no sealed segment of a "
                      "topic with cleanup.policy=delete is left to delete",
                      options_.path, excess);
      }
      co_return;
    }
    excess -= std::min(excess, gone);
    if (excess == 0) check_space_soon();
  }
}

}  // namespace karst::log
