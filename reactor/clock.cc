#include "reactor/clock.h"

#include <sys/random.h>

#include <bit>
#include <ctime>

#include "reactor/base/assert.h"

namespace karst {
namespace {

std::int64_t read_clock(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

}  // namespace

system_clock::system_clock() {
  auto size = getrandom(state_, sizeof state_, 0);
  KARST_ASSERT(size == sizeof state_, "getrandom gave {} bytes", size);
}

time_point system_clock::now() { return time_point{duration{read_clock(CLOCK_MONOTONIC)}}; }

wall_ms system_clock::wall_now() { return read_clock(CLOCK_REALTIME) / 1'000'000; }

// xoshiro256++ (Blackman and Vigna, 2019).
std::uint64_t system_clock::random() {
  auto& s = state_;
  auto result = std::rotl(s[0] + s[3], 23) + s[0];
  auto t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = std::rotl(s[3], 45);
  return result;
}

}  // namespace karst
