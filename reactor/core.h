#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <span>

#include "reactor/base/limits.h"
#include "reactor/base/units.h"
#include "reactor/buffer.h"
#include "reactor/clock.h"
#include "reactor/io/io.h"
#include "reactor/mailbox.h"
#include "reactor/metrics.h"
#include "reactor/scheduler.h"
#include "reactor/slab.h"
#include "reactor/task_set.h"
#include "reactor/timer_wheel.h"
#include "reactor/waiters.h"

namespace karst {

struct core_counters {
  std::uint64_t turns = 0;
  std::uint64_t resumptions = 0;
  std::uint64_t messages_sent = 0;
  std::uint64_t messages_received = 0;
  duration busy{};  // time not asleep in the io
};

// One core: a loop over its scheduler, io, timers and mailboxes. A turn: run ready tasks (bounded)
// -> end-of-turn hooks (the journal forms its group here) -> flush mailboxes -> hand operations to
// the kernel, collect results, perhaps sleep -> receive messages -> fire timers. Everything
// reachable from it is used only while it is current, which on a real machine means only on its
// thread; a simulation makes many cores current in turn on one thread.
class core {
 public:
  // `mail` connects it with the other cores; the machine (or the simulation) owns it and outlives
  // the core.
  core(core_id id, std::unique_ptr<karst::io> io, std::unique_ptr<karst::clock> clock,
       mailboxes& mail);
  ~core();
  core(core const&) = delete;
  core& operator=(core const&) = delete;

  static core& current();
  static core* current_or_null();
  // Makes `core` current for a scope; the loop does it, simulations and tests do it.
  class scope {
   public:
    explicit scope(core& entered);
    ~scope();

   private:
    core* previous_;
  };

  core_id id() const { return id_; }
  core_id count() const { return mail_.core_count(); }
  karst::io& io() { return *io_; }
  karst::clock& clock() { return *clock_; }
  // The clock as read at the start of this turn: cheap, and steady within a turn.
  time_point now() const { return now_; }
  karst::scheduler& scheduler() { return scheduler_; }
  timer_wheel& timers() { return timers_; }
  mailboxes& mail() { return mail_; }
  // Aligned memory for transfers and large frames, against one budget for all of the core's users.
  slab& memory() { return memory_; }
  // Numbers that owners on this core offer for the outside to read.
  karst::metrics& metrics() { return metrics_; }
  // Tasks that belong to no smaller owner; the core ends when they are done.
  task_set& background() { return background_; }
  core_counters const& counters() const { return counters_; }

  // Called at the end of every turn in which tasks ran, in the order of registration. The hook
  // lives until removed.
  struct turn_hook : list_link {
    void (*run)(turn_hook&) = nullptr;
  };
  void add_turn_hook(turn_hook& hook) { hooks_.push_back(hook); }

  // One turn; sleeps at most until `until` if nothing is to do. Returns false if nothing was done.
  bool turn(time_point until);
  // Turns until stop() was called and the background tasks are done.
  void run();
  void stop();
  // From any thread: runs `work` on this core in one of its next turns (signals, the ZooKeeper
  // client's thread).
  void post_from_outside(std::function<void()> work);
  // Runs `work` to its end by turning this core: for tests and tools.
  template <typename T>
  T run_until_done(task<T> work);

 private:
  struct outside_queue;
  template <typename Finished>
  bool turn_unless(time_point until, Finished finished);
  void run_task_until_done(task<> work);
  void offer_metrics();
  bool run_posted();

  core_id id_;
  std::unique_ptr<karst::io> io_;
  std::unique_ptr<karst::clock> clock_;
  mailboxes& mail_;
  time_point now_;
  karst::scheduler scheduler_;
  timer_wheel timers_;
  intrusive_list<turn_hook> hooks_;
  slab memory_{limits::core_memory_bytes};
  karst::metrics metrics_;
  std::array<metric, 6> own_metrics_;
  task_set background_;
  std::unique_ptr<outside_queue> outside_;
  bool stopping_ = false;
  core_counters counters_;
};

template <typename T>
T core::run_until_done(task<T> work) {
  if constexpr (std::is_void_v<T>) {
    run_task_until_done(std::move(work));
  } else {
    std::optional<T> result;
    auto keep = [](task<T> inner, std::optional<T>& slot) -> task<> {
      slot.emplace(co_await std::move(inner));
    };
    run_task_until_done(keep(std::move(work), result));
    return std::move(*result);
  }
}

}  // namespace karst
