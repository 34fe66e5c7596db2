#include "reactor/core.h"

#include <mutex>
#include <utility>

namespace karst {
namespace {

thread_local core* current_core = nullptr;

// Bounds of one turn, so that completions, messages and timers are never starved by ready tasks:
// about half a millisecond of work.
constexpr std::size_t resumptions_per_turn = 1024;
constexpr std::size_t messages_per_turn = 1024;
// How long a core naps while messages wait for room in another core's full ring: that core's turn
// takes about as long.
constexpr duration full_ring_nap = 100us;
// Turns that the end of a core grants to what still runs in the background (descriptors being
// closed).
constexpr int last_turns = 1000;

}  // namespace

struct core::outside_queue {
  std::mutex mutex;
  std::vector<std::function<void()>> posted;
  std::atomic<bool> any{false};
};

core& core::current() {
  KARST_ASSERT(current_core != nullptr, "called outside a core");
  return *current_core;
}
core* core::current_or_null() { return current_core; }

core::scope::scope(core& entered) : previous_(std::exchange(current_core, &entered)) {}
core::scope::~scope() { current_core = previous_; }

core::core(core_id id, std::unique_ptr<karst::io> io, std::unique_ptr<karst::clock> clock,
           mailboxes& mail)
    : id_(id),
      io_(std::move(io)),
      clock_(std::move(clock)),
      mail_(mail),
      now_(clock_->now()),
      timers_(now_),
      outside_(std::make_unique<outside_queue>()) {
  mail_.set_io(id, *io_);
  offer_metrics();
}

void core::offer_metrics() {
  auto const& kernel = io_->counters();
  metrics_.add(own_metrics_[0], "karst_core_turns_total", "Turns of the core's loop",
               counters_.turns);
  metrics_.add(own_metrics_[1], "karst_core_messages_total", "Messages received from other cores",
               counters_.messages_received);
  metrics_.add(own_metrics_[2], "karst_io_kernel_entries_total", "System calls of the core's loop",
               kernel.turns);
  metrics_.add(own_metrics_[3], "karst_io_operations_total", "Operations handed to the kernel",
               kernel.operations);
  metrics_.add(own_metrics_[4], "karst_io_overflows_total",
               "Overflows of the completion queue; stays 0", kernel.overflows);
  metrics_.add(own_metrics_[5], "karst_io_worker_threads",
               "Kernel workers and file threads, for operations that block", kernel.worker_threads,
               metric_kind::gauge);
}

core::~core() {
  scope inside{*this};
  for (auto left = last_turns; left != 0 && background_.running() != 0; --left) turn(now_ + 1ms);
  io_.reset();
}

void core::post_from_outside(std::function<void()> work) {
  {
    std::scoped_lock lock{outside_->mutex};
    outside_->posted.push_back(std::move(work));
  }
  outside_->any.store(true, std::memory_order_seq_cst);
  io_->wake();
}

bool core::run_posted() {
  if (!outside_->any.exchange(false, std::memory_order_seq_cst)) return false;
  std::vector<std::function<void()>> posted;
  {
    std::scoped_lock lock{outside_->mutex};
    posted.swap(outside_->posted);
  }
  for (auto& work : posted) work();
  return !posted.empty();
}

bool core::turn(time_point until) {
  return turn_unless(until, [] { return false; });
}

// What ends the loop may happen in this turn's tasks: `finished` is asked before sleeping.
template <typename Finished>
bool core::turn_unless(time_point until, Finished finished) {
  scope inside{*this};
  ++counters_.turns;
  auto const started = now_;
  auto worked = run_posted();
  auto resumed = scheduler_.run(resumptions_per_turn);
  counters_.resumptions += resumed;
  worked |= resumed != 0;
  hooks_.for_each([](turn_hook& hook) { hook.run(hook); });
  auto all_out = mail_.flush(id_);
  auto sleep = scheduler_.idle() && !io_->busy() && until > now_ && !finished();
  if (!all_out) until = std::min(until, now_ + full_ring_nap);
  if (auto next = timers_.next(); sleep && next) until = std::min(until, *next);
  sleep = sleep && mail_.enter_sleep(id_);
  counters_.busy += clock_->now() - started;
  io_->turn(sleep ? until : time_point::min());
  mail_.leave_sleep(id_);
  now_ = clock_->now();
  auto received = mail_.receive(id_, messages_per_turn);
  counters_.messages_received += received;
  timers_.advance(now_);
  return worked || received != 0 || !scheduler_.idle();
}

void core::run() {
  // Not joined, which would close it: messages that still arrive may start tasks.
  auto finished = [this] { return stopping_ && background_.running() == 0; };
  while (!finished()) turn_unless(never, finished);
}

void core::stop() { stopping_ = true; }

void core::run_task_until_done(task<> work) {
  auto done = false;
  auto wrap = [](task<> inner, bool& flag) -> task<> {
    co_await std::move(inner);
    flag = true;
  };
  task_set runner;
  {
    scope inside{*this};
    now_ = clock_->now();
    runner.spawn(wrap(std::move(work), done));
  }
  while (!done) turn_unless(never, [&done] { return done; });
  // The wrapper's frame is gone by now: it set the flag in its last step and its final suspension
  // destroys it in the same resumption.
}

}  // namespace karst
