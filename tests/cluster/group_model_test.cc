// Random walks of clients through a group. A failure names its seed: KARST_SEED=N runs that one
// first.
#include <gtest/gtest.h>

#include "tests/cluster/group_walk.h"
#include "tests/sim/sim_random.h"

namespace karst::cluster {
namespace {

std::string walk(std::uint64_t seed) {
  sim::random_source random{seed};
  group_walk walk{
      [&random](std::uint32_t bound) { return static_cast<std::uint32_t>(random.below(bound)); }};
  auto steps = 20 + random.below(200);
  for (std::uint64_t i = 0; i < steps && walk.problem().empty(); ++i) walk.step();
  if (walk.problem().empty()) walk.settle();
  if (walk.problem().empty()) walk.end();
  return walk.problem();
}

TEST(group_model, no_order_of_events_breaks_a_rule) {
  for (std::uint64_t seed = 1; seed <= 3'000; ++seed) {
    auto problem = walk(seed);
    ASSERT_EQ(problem, "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace karst::cluster
