#include "tests/sim/sim_machine.h"

#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_io.h"

namespace karst::sim {

machine::machine(world& world, core_id cores)
    : world_(world), schedule_(random_source{world.options().seed}.fork(1)), mail_(cores) {
  world.advances_in_turn = false;
  for (core_id id = 0; id < cores; ++id) {
    // Another life of the process draws other numbers (run nonces, ids).
    random_source random{world.random().next()};
    cores_.push_back(std::make_unique<core>(id, std::make_unique<simulated_io>(world),
                                            std::make_unique<simulated_clock>(world, random),
                                            mail_));
    cores_.back()->scheduler().set_picker(
        [this](std::size_t ready) { return static_cast<std::size_t>(schedule_.below(ready)); });
  }
}

machine::~machine() {
  run_until([this] {
    return std::ranges::all_of(cores_,
                               [](auto const& one) { return one->background().running() == 0; });
  });
}

void machine::start(core_id id, task<> work) {
  core::scope inside{*cores_[id]};
  cores_[id]->background().spawn(std::move(work));
}

void machine::run_task(core_id id, task<> work) {
  auto done = false;
  auto flag = [](task<> inner, bool& finished) -> task<> {
    co_await std::move(inner);
    finished = true;
  };
  start(id, flag(std::move(work), done));
  run_until([&done] { return done; });
}

void machine::run_on_each(std::function<task<>(core_id)> const& make) {
  std::size_t left = cores_.size();
  auto count = [](task<> inner, std::size_t& unfinished) -> task<> {
    co_await std::move(inner);
    --unfinished;
  };
  for (core_id id = 0; id < static_cast<core_id>(cores_.size()); ++id)
    start(id, count(make(id), left));
  run_until([&left] { return left == 0; });
}

bool machine::mail_waits() {
  auto waits = false;
  for (core_id id = 0; id < count(); ++id) {
    if (!mail_.enter_sleep(id)) waits = true;
    mail_.leave_sleep(id);
  }
  return waits;
}

// Every core turns once, in an order drawn from the seed; then, if none had anything to do, time
// moves to the next event or timer.
void machine::pass() {
  std::vector<core*> order;
  for (auto const& one : cores_) order.push_back(one.get());
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[schedule_.below(i)]);
  auto worked = false;
  for (auto* one : order) worked |= one->turn(time_point::min());
  if (worked || mail_waits()) return;
  auto next = world_.next_event().value_or(never);
  for (auto const& one : cores_) next = std::min(next, one->timers().next().value_or(never));
  if (next > world_.now()) world_.advance_to(next);
}

void machine::run_until(std::function<bool()> const& done) {
  while (!done()) pass();
}

}  // namespace karst::sim
