#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace karst {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;
inline constexpr std::size_t GiB = 1024 * MiB;

// The unit of O_DIRECT here: the largest common logical block size; journal groups and tails are
// aligned to it (STORAGE.md 1).
inline constexpr std::size_t block_size = 4096;

constexpr std::uint64_t align_up(std::uint64_t value, std::uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}
constexpr std::uint64_t align_down(std::uint64_t value, std::uint64_t alignment) {
  return value / alignment * alignment;
}

// Monotonic time of the core's clock; never wall time.
using duration = std::chrono::nanoseconds;
struct monotonic_epoch {
  using rep = duration::rep;
  using period = duration::period;
  using duration = karst::duration;
  using time_point = std::chrono::time_point<monotonic_epoch>;
  static constexpr bool is_steady = true;
};
using time_point = std::chrono::time_point<monotonic_epoch, duration>;

// Milliseconds since 1970, as Kafka writes timestamps.
using wall_ms = std::int64_t;

using namespace std::chrono_literals;

}  // namespace karst
