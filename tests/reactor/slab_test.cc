#include "reactor/slab.h"

#include <gmock/gmock.h>

#include "reactor/base/units.h"
#include "reactor/file_facts.h"

namespace karst {
namespace {

TEST(slab, blocks_are_aligned_and_counted_at_their_class) {
  slab memory{16 * MiB};
  auto small = memory.take(100);
  auto exact = memory.take(64 * KiB);
  auto large = memory.take(3 * MiB + 1);
  for (auto const* each : {&small, &exact, &large}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(each->data()) % 4096, 0U);
  }
  EXPECT_EQ(small.size(), 100U);
  EXPECT_EQ(memory.used(), 4 * KiB + 64 * KiB + 3 * MiB + 4 * KiB);
  EXPECT_EQ(slab::cost(4097), 8 * KiB);
  for (auto* each : {&small, &exact, &large}) *each = buffer{};
  EXPECT_EQ(memory.used(), 0U);
}

TEST(slab, a_budget_that_is_spent_gives_nothing_until_a_block_comes_home) {
  slab memory{1 * MiB};
  std::vector<buffer> taken;
  for (auto i = 0; i < 16; ++i) taken.push_back(memory.take(64 * KiB));
  EXPECT_FALSE(taken.back().empty());
  EXPECT_TRUE(memory.take(1).empty());
  EXPECT_TRUE(memory.take(10 * MiB).empty());
  // A second view keeps the block.
  auto view = taken.back().slice(10, 20);
  taken.pop_back();
  EXPECT_TRUE(memory.take(1).empty());
  view = buffer{};
  EXPECT_FALSE(memory.take(1).empty());
}

TEST(slab, free_memory_serves_other_classes) {
  slab memory{8 * MiB};
  auto const before = resident_memory();
  for (auto round = 0; round < 8; ++round) {
    for (std::size_t size = 4 * KiB; size <= 1 * MiB; size *= 2) {
      std::vector<buffer> taken;
      for (std::size_t bytes = 0; bytes < 8 * MiB; bytes += size) {
        taken.push_back(memory.take(size));
        ASSERT_FALSE(taken.back().empty()) << size << " in round " << round;
        std::memset(taken.back().data(), 1, size);
      }
      EXPECT_TRUE(memory.take(1).empty());
    }
  }
  EXPECT_EQ(memory.used(), 0U);
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
  return;  // shadow memory and quarantine are resident too
#endif
#endif
  // What is free goes back to the kernel, but for a few warm chunks and one of each class.
  EXPECT_LT(resident_memory(), before + 24 * MiB);
}

}  // namespace
}  // namespace karst
