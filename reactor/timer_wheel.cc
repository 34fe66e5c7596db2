#include "reactor/timer_wheel.h"

namespace karst {
namespace {

constexpr duration tick = 1ms;
constexpr std::uint64_t slot_bits = 6;

}  // namespace

timer_wheel::timer_wheel(time_point now) : origin_(now) {}

std::uint64_t timer_wheel::tick_of(time_point at) const {
  if (at <= origin_) return 0;
  // Rounded up: a timer never fires early.
  return static_cast<std::uint64_t>((at - origin_ - duration{1}) / tick) + 1;
}

void timer_wheel::arm(timer& timer, time_point at) {
  timer.disarm();
  timer.at = at;
  place(timer);
}

void timer_wheel::place(timer& timer) {
  // The top level is a ring: a slot there never holds both what is due in this round and in the
  // next.
  constexpr auto horizon = (std::uint64_t{slots} - 1) << (slot_bits * (levels - 1));
  auto due = std::max(tick_of(timer.at), tick_ + 1);
  due = std::min(due, tick_ + horizon);
  // The level is that of the highest digit in which the due tick differs from the current one.
  auto differing = due ^ tick_;
  std::size_t level = 0;
  while (level + 1 < levels && (differing >> (slot_bits * (level + 1))) != 0) ++level;
  wheel_[level][(due >> (slot_bits * level)) % slots].push_back(timer);
}

void timer_wheel::advance(time_point now) {
  auto target = now <= origin_ ? 0 : static_cast<std::uint64_t>((now - origin_) / tick);
  while (tick_ < target) {
    // Skip whole empty stretches: jump to the next tick at which a slot can have something.
    auto first = next();
    if (!first) {
      tick_ = target;
      return;
    }
    auto jump = std::min(tick_of(*first), target);
    tick_ = std::max(tick_ + 1, jump);
    // Entering a new slot of a higher level: its timers move down before the ticks below are looked
    // at.
    for (std::size_t level = levels - 1; level > 0; --level) {
      auto mask = (std::uint64_t{1} << (slot_bits * level)) - 1;
      if ((tick_ & mask) != 0) continue;
      slot moved;
      moved.append(wheel_[level][(tick_ >> (slot_bits * level)) % slots]);
      while (auto* timer = moved.pop_front()) {
        auto due = tick_of(timer->at);
        if (due <= tick_) {
          wheel_[0][tick_ % slots].push_back(*timer);
        } else {
          place(*timer);
        }
      }
    }
    slot due;
    due.append(wheel_[0][tick_ % slots]);
    while (auto* timer = due.pop_front()) timer->fire(*timer);
  }
}

std::optional<time_point> timer_wheel::next() const {
  for (std::size_t level = 0; level < levels; ++level) {
    auto shift = slot_bits * level;
    auto digit = (tick_ >> shift) % slots;
    auto base = (tick_ >> shift) - digit;
    auto const end = level + 1 == levels ? digit + slots : slots;
    for (auto i = digit + 1; i < end; ++i) {
      if (wheel_[level][i % slots].empty()) continue;
      return origin_ + static_cast<std::int64_t>((base + i) << shift) * tick;
    }
  }
  return std::nullopt;
}

}  // namespace karst
