#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sim/log_lives.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

std::uint64_t setting(char const* name, std::uint64_t otherwise) {
  auto const* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// KARST_SIM_SEEDS=COUNT and KARST_SIM_FIRST_SEED=N explore more. An assertion that fails on the way
// names the world's seed: this seed times a thousand, and the life.
TEST(log_lives, nothing_acknowledged_is_lost_over_many_lives) {
  quiet_logs quiet;
  auto const first = setting("KARST_SIM_FIRST_SEED", 1);
  auto const count = setting("KARST_SIM_SEEDS", 60);
  for (auto seed = first; seed < first + count; ++seed) {
    ASSERT_EQ(run_lives(seed), "") << "seed " << seed << "; KARST_SIM_FIRST_SEED=" << seed
                                   << " KARST_SIM_SEEDS=1 repeats it, KARST_SIM_LOGS=1 tells more";
  }
}

// What random traces have found, besides what has a test of its own:
// 1: a roll whose append found no room left an empty segment, and a clean stop waited for ever.
// 241: a truncation was the first word of its log in the live window, and was not counted.
// 4732: a full truncation whose word did not become durable left destaging waiting for a file.
// 4902: a truncation looked for producers in what an interrupted full truncation had left.
TEST(log_lives, what_was_found_once_stays_mended) {
  quiet_logs quiet;
  for (std::uint64_t seed : {1, 241, 4732, 4902}) EXPECT_EQ(run_lives(seed), "") << seed;
}

}  // namespace
}  // namespace karst::sim
