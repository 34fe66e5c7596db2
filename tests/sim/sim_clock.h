#pragma once

#include "reactor/clock.h"
#include "tests/sim/sim_world.h"

namespace karst::sim {

// One core's view of the world's time, and its own seeded random numbers.
class simulated_clock final : public karst::clock {
 public:
  simulated_clock(world& world, random_source random) : world_(world), random_(random) {}
  time_point now() override { return world_.now(); }
  wall_ms wall_now() override { return world_.wall_now(); }
  std::uint64_t random() override { return random_.next(); }

 private:
  world& world_;
  random_source random_;
};

}  // namespace karst::sim
