#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "reactor/base/intrusive_list.h"
#include "reactor/base/units.h"

namespace karst {

// One deadline. Lives in its owner (usually a waiting coroutine's frame) and disarms itself when
// destroyed. `fire` runs inside timer_wheel::advance, on the core; it may arm and disarm timers but
// must not resume coroutines: it makes them ready.
struct timer : list_link {
  time_point at{};
  void (*fire)(timer&) = nullptr;
  bool armed() const { return linked(); }
  void disarm() { unlink(); }
};

// The timers of one core: a hierarchical wheel (Varghese and Lauck, 1987) of 1 ms ticks; arming and
// disarming cost O(1). A timer fires at its time or up to 1 ms later, never before. Kept per core
// so that a deadline per request costs no system call.
class timer_wheel {
 public:
  explicit timer_wheel(time_point now);
  void arm(timer& timer, time_point at);
  // Fires all timers due at `now`, in the order of their ticks.
  void advance(time_point now);
  // No timer fires before this; may be earlier than the first deadline (a slot boundary). nullopt:
  // no timer is armed.
  std::optional<time_point> next() const;

 private:
  // 64^6 ms: 2.2 years; a timer beyond waits in the furthest slot and is placed again from there.
  static constexpr std::size_t levels = 6;
  static constexpr std::size_t slots = 64;
  using slot = intrusive_list<timer>;

  void place(timer& timer);
  std::uint64_t tick_of(time_point at) const;

  time_point origin_;
  std::uint64_t tick_ = 0;  // all ticks <= tick_ have fired
  std::array<std::array<slot, slots>, levels> wheel_;
};

}  // namespace karst
