#pragma once

#include <cstdint>

#include "reactor/base/units.h"

namespace karst {

// Time and random numbers: one of the four seams by which nondeterminism enters (the others: io,
// coordination, the scheduler's picker). One per core, used only on that core. Implementations:
// system_clock (clock.cc) and tests/sim/clock.
class clock {
 public:
  virtual ~clock() = default;
  virtual time_point now() = 0;    // monotonic
  virtual wall_ms wall_now() = 0;  // may jump either way
  virtual std::uint64_t
  random() = 0;  // uniform; for ids from the kernel's generator, not for secrets
};

// The kernel's clocks, and xoshiro256++ seeded from getrandom(2).
class system_clock final : public clock {
 public:
  system_clock();
  time_point now() override;
  wall_ms wall_now() override;
  std::uint64_t random() override;

 private:
  std::uint64_t state_[4];
};

}  // namespace karst
