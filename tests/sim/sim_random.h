#pragma once

#include <cstdint>

namespace karst::sim {

// A seeded generator (splitmix64: Steele, Lea and Flood, 2014). One per concern (latencies, power
// cuts, network, schedule), so that a change in one does not shift the numbers of the others.
class random_source {
 public:
  explicit random_source(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    auto z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Uniform enough in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  bool percent(unsigned chance) { return below(100) < chance; }
  // An independent generator for concern `number`.
  random_source fork(std::uint64_t number) const {
    random_source mixed{state_ ^ (number + 1) * 0xd1342543de82ef95};
    return random_source{mixed.next()};
  }

 private:
  std::uint64_t state_;
};

}  // namespace karst::sim
