#include "reactor/machine.h"

#include <pthread.h>
#include <sched.h>

#include <barrier>
#include <csignal>
#include <deque>
#include <latch>
#include <mutex>
#include <thread>

#include "reactor/base/logging.h"
#include "reactor/core_count.h"
#include "reactor/signal_thread.h"

namespace karst {
namespace {

// Turns after the last task, in step: what crosses between cores (foreign values on their way home)
// has then arrived.
constexpr int farewell_turns = 4;
// While other cores still run, an ended core looks after its messages at least this often.
constexpr duration farewell_nap = 1ms;

}  // namespace

struct machine::state {
  explicit state(core_id count) : mail(count), made(count), parting(count), cores(count) {}

  mailboxes mail;
  std::latch made;  // every core exists, or has failed to
  std::barrier<> parting;
  std::vector<core*> cores;  // null: its io could not be made
  std::atomic<bool> failed{false};
  std::atomic<core_id> ended{0};
  std::mutex mutex;
  std::optional<error> failure;
  io_report report;
  // On core 0.
  std::deque<int> signals;
  waiters signalled;

  void fail(error why);
  std::unique_ptr<core> make_core(core_id id, io_choice choice);
  void part(core& here);
  void run_other(core_id id, io_choice choice);
};

void machine::state::fail(error why) {
  std::scoped_lock lock{mutex};
  if (!failure) failure = std::move(why);
  failed = true;
}

// On the core's own thread, because a ring belongs to the thread that made it.
std::unique_ptr<core> machine::state::make_core(core_id id, io_choice choice) {
  auto made = make_io(choice);
  if (!made) {
    fail(made.error());
    return nullptr;
  }
  {
    std::scoped_lock lock{mutex};
    // One core without io_uring is what the operator must hear of.
    if (report.name.empty() || report.reason.empty()) report = made->report;
  }
  auto core = std::make_unique<karst::core>(id, std::move(made->io),
                                            std::make_unique<system_clock>(), mail);
  cores[id] = core.get();
  return core;
}

// Every core has run its tasks: turns until all have, then a few turns in step. Afterwards no core
// is touched by another.
void machine::state::part(core& here) {
  ++ended;
  while (ended.load() != cores.size()) here.turn(here.clock().now() + farewell_nap);
  for (auto left = farewell_turns; left != 0; --left) {
    parting.arrive_and_wait();
    here.turn(time_point::min());
  }
  while (here.background().running() != 0) here.turn(here.clock().now() + farewell_nap);
  parting.arrive_and_wait();
}

void machine::state::run_other(core_id id, io_choice choice) {
  auto name = fmt::format("karst-core-{}", id);
  pthread_setname_np(pthread_self(), name.c_str());
  auto core = make_core(id, choice);
  made.arrive_and_wait();
  if (!failed) {
    core->run();
    part(*core);
  } else {
    // Nobody has turned: nobody wakes anybody.
    parting.arrive_and_wait();
  }
}

machine::machine(std::unique_ptr<state> state) : state_(std::move(state)) {}
machine::~machine() = default;

expected<int, error> machine::run(machine_options const& options,
                                  std::function<task<int>(machine&)> main) {
  auto const count = options.cores != 0 ? options.cores : usable_cores();
  // Blocked here, and in the threads to come: the signal thread alone takes them.
  signal_block blocked;
  machine self{std::make_unique<state>(count)};
  auto& state = *self.state_;
  auto first = state.make_core(0, options.io);
  std::vector<std::thread> others;
  for (core_id id = 1; id < count; ++id) {
    others.emplace_back([&state, id, choice = options.io] { state.run_other(id, choice); });
  }
  state.made.arrive_and_wait();
  auto result = 0;
  if (!state.failed) {
    signal_thread signals{[&state](int number) {
      state.cores[0]->post_from_outside([&state, number] {
        state.signals.push_back(number);
        state.signalled.wake_all();
      });
    }};
    result = first->run_until_done(main(self));
    signals.stop();
    for (core_id id = 1; id < count; ++id) {
      auto* other = state.cores[id];
      other->post_from_outside([other] { other->stop(); });
    }
    first->stop();
    first->run();
    state.part(*first);
  } else {
    state.parting.arrive_and_wait();
  }
  for (auto& thread : others) thread.join();
  first.reset();
  if (state.failure) return std::unexpected(*state.failure);
  return result;
}

core_id machine::core_count() const { return static_cast<core_id>(state_->cores.size()); }

io_report const& machine::io() const { return state_->report; }

task<int> machine::wait_for_signal(abort_source* abort) {
  while (state_->signals.empty()) {
    auto reason = co_await state_->signalled.wait(never, abort);
    if (reason == wake_reason::aborted) co_return 0;
  }
  auto number = state_->signals.front();
  state_->signals.pop_front();
  co_return number;
}

}  // namespace karst
