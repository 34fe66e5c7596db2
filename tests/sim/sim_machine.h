#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "reactor/core.h"
#include "tests/sim/sim_world.h"

namespace karst::sim {

// The cores of one simulated process, all run by this thread: which core turns next and which ready
// coroutine runs next are drawn from the world's seed, and time moves on only when all are idle.
// One machine per world at a time.
class machine {
 public:
  machine(world& world, core_id cores);
  // Waits for the background tasks of all cores.
  ~machine();
  machine(machine const&) = delete;
  machine& operator=(machine const&) = delete;

  core& at(core_id id) { return *cores_[id]; }
  core_id count() const { return static_cast<core_id>(cores_.size()); }

  // Runs `work` on core `id` to its end, all cores turning.
  template <typename T>
  T run(core_id id, task<T> work) {
    if constexpr (std::is_void_v<T>) {
      run_task(id, std::move(work));
    } else {
      std::optional<T> result;
      run_task(id, keep(std::move(work), result));
      return std::move(*result);
    }
  }
  // Runs `make(core id)` on every core at once, until all are done.
  void run_on_each(std::function<task<>(core_id)> const& make);
  // Starts `work` on core `id`; run() or the destructor brings it to its end.
  void start(core_id id, task<> work);
  // Turns the cores until `done()`; fails after the world's bound on turns, or when nothing can
  // happen any more.
  void run_until(std::function<bool()> const& done);

 private:
  template <typename T>
  static task<> keep(task<T> inner, std::optional<T>& slot) {
    slot.emplace(co_await std::move(inner));
  }
  void run_task(core_id id, task<> work);
  void pass();
  bool mail_waits();

  world& world_;
  random_source schedule_;
  mailboxes mail_;
  std::vector<std::unique_ptr<core>> cores_;
};

}  // namespace karst::sim
