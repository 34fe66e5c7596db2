// Random walks of clients through a group. A failure names its seed and tells the walk;
// KARST_SEED=N begins with that seed instead.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/cluster/group_walk.h"
#include "tests/sim/sim_random.h"

namespace karst::cluster {
namespace {

std::string walk(std::uint64_t seed, bool tells) {
  sim::random_source random{seed};
  auto below = [&random](std::uint32_t bound) {
    return static_cast<std::uint32_t>(random.below(bound));
  };
  group_walk walk{below, tells};
  if (random.percent(50)) walk.settle();
  auto steps = 20 + random.below(200);
  for (std::uint64_t i = 0; i < steps && walk.problem().empty(); ++i) walk.step();
  if (walk.problem().empty()) walk.settle();
  if (walk.problem().empty()) walk.end();
  return walk.problem();
}

TEST(group_model, no_order_of_events_breaks_a_rule) {
  auto const* text = std::getenv("KARST_SEED");
  auto first = text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
  for (auto seed = first; seed < first + 3'000; ++seed) {
    auto problem = walk(seed, false);
    if (!problem.empty()) walk(seed, true);
    ASSERT_EQ(problem, "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace karst::cluster
