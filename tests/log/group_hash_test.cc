#include "log/group_hash.h"

#include <gtest/gtest.h>

namespace karst::log {
namespace {

// Found by a simulated power cut: memory that held the same seed gave another hash, and recovery
// called the group damaged.
TEST(group_hash, does_not_depend_on_what_its_memory_held) {
  constexpr std::uint64_t seed = 0x0505050505050505;
  std::vector<std::byte> const bytes(1000, std::byte{7});
  alignas(group_hash) std::array<std::byte, sizeof(group_hash)> memory;
  XXH3_state_t stale{};
  std::memset(stale.customSecret, 5, sizeof stale.customSecret);
  stale.seed = seed;
  std::memcpy(memory.data(), &stale, sizeof stale);
  auto* hash = new (memory.data()) group_hash{seed};
  hash->add(std::span{bytes}.first(300));
  hash->add(std::span{bytes}.subspan(300));
  EXPECT_EQ(hash->value(), XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed));
  std::destroy_at(hash);
}

}  // namespace
}  // namespace karst::log
