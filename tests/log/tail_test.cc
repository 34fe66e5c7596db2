#include "log/tail.h"

#include <gtest/gtest.h>

#include "reactor/base/crc32c.h"

namespace karst::log {
namespace {

std::vector<std::byte> pattern(std::size_t bytes, int seed) {
  std::vector<std::byte> made(bytes);
  for (std::size_t i = 0; i < bytes; ++i) made[i] = std::byte(seed * 31 + i * 7 + i / 251);
  return made;
}

std::vector<std::byte> read(tail const& from, log_position at, std::size_t bytes) {
  std::vector<std::byte> got(bytes);
  from.copy_to(at, got);
  return got;
}

class tail_test : public testing::Test {
 protected:
  tail_cache::owner cache = tail_cache::make(4 * MiB);
};

TEST_F(tail_test, keeps_bytes_across_pieces_and_their_crc) {
  tail kept{*cache};
  ASSERT_TRUE(kept.start({offset{0}, position{0}}, {}));
  auto bytes = pattern(300'000, 1);
  std::size_t at = 0;
  std::uint32_t crc = 0;
  for (std::size_t part = 1; at < bytes.size(); part = part * 3 + 1) {
    auto size = std::min(part, bytes.size() - at);
    ASSERT_TRUE(kept.reserve(size));
    crc = kept.write_crc(crc, std::span{bytes}.subspan(at, size));
    kept.commit();
    at += size;
  }
  EXPECT_EQ(kept.end(), (log_position{offset{0}, position{bytes.size()}}));
  EXPECT_EQ(read(kept, {offset{0}, position{0}}, bytes.size()), bytes);
  EXPECT_EQ(crc, crc32c(0, bytes.data(), bytes.size()));
}

TEST_F(tail_test, what_is_not_committed_leaves_no_trace) {
  tail kept{*cache};
  ASSERT_TRUE(kept.start({offset{0}, position{4096 + 10}}, pattern(10, 2)));
  auto refused = pattern(9000, 3);
  ASSERT_TRUE(kept.reserve(refused.size()));
  kept.write(refused);
  kept.rollback();
  auto good = pattern(9000, 4);
  ASSERT_TRUE(kept.reserve(good.size()));
  kept.write(good);
  kept.commit();
  EXPECT_EQ(read(kept, {offset{0}, position{4096}}, 10), pattern(10, 2));
  EXPECT_EQ(read(kept, {offset{0}, position{4106}}, good.size()), good);
}

TEST_F(tail_test, a_roll_begins_at_zero_of_the_next_segment) {
  tail kept{*cache};
  ASSERT_TRUE(kept.start({offset{0}, position{0}}, {}));
  auto first = pattern(5000, 5);
  ASSERT_TRUE(kept.reserve(first.size()));
  kept.write(first);
  kept.commit();
  kept.roll(offset{70});
  auto second = pattern(6000, 6);
  ASSERT_TRUE(kept.reserve(second.size()));
  kept.write(second);
  kept.commit();
  EXPECT_EQ(read(kept, {offset{0}, position{0}}, first.size()), first);
  EXPECT_EQ(read(kept, {offset{70}, position{0}}, second.size()), second);
}

TEST_F(tail_test, readers_keep_their_bytes_when_the_cache_needs_the_memory) {
  tail kept{*cache};
  ASSERT_TRUE(kept.start({offset{0}, position{0}}, {}));
  auto first = pattern(64 * KiB, 7);
  ASSERT_TRUE(kept.reserve(first.size()));
  kept.write(first);
  kept.commit();
  auto shared = kept.slice({offset{0}, position{0}}, first.size());
  // More than the cache holds: what is durable in the segments is given up for it.
  auto more = pattern(64 * KiB, 8);
  for (int i = 0; i < 200; ++i) {
    kept.durable_through(kept.end());
    ASSERT_TRUE(kept.reserve(more.size())) << i;
    kept.write(more);
    kept.commit();
  }
  EXPECT_FALSE(kept.holds({offset{0}, position{0}}));
  std::vector<std::byte> still(first.size());
  shared.copy_to(0, still.data(), still.size());
  EXPECT_EQ(still, first);
  EXPECT_LE(cache->used_bytes(), 4 * MiB + 64 * KiB);
}

TEST_F(tail_test, memory_that_is_not_in_the_segments_is_never_given_up) {
  tail kept{*cache};
  ASSERT_TRUE(kept.start({offset{0}, position{0}}, {}));
  auto bytes = pattern(256 * KiB, 9);
  std::uint64_t stored = 0;
  while (kept.reserve(bytes.size())) {
    kept.write(bytes);
    kept.commit();
    stored += bytes.size();
    ASSERT_LE(stored, 8 * MiB);
  }
  EXPECT_GE(stored, 2 * MiB);
  EXPECT_EQ(read(kept, {offset{0}, position{0}}, bytes.size()), bytes);
  kept.durable_through(kept.end());
  EXPECT_TRUE(kept.reserve(bytes.size()));
}

TEST_F(tail_test, any_place_of_many_pieces_is_found) {
  tail kept{*cache};
  ASSERT_TRUE(kept.start({offset{0}, position{4096}}, {}));
  auto const bytes = pattern(700'000, 10);
  for (auto segment : {0, 100, 200}) {
    if (segment != 0) kept.roll(offset{segment});
    for (std::size_t at = 0; at < bytes.size(); at += 7000) {
      ASSERT_TRUE(kept.reserve(7000));
      kept.write(std::span{bytes}.subspan(at, 7000));
      kept.commit();
    }
  }
  for (auto segment : {0, 100, 200}) {
    std::uint64_t const begin = segment == 0 ? 4096 : 0;
    for (std::size_t at = 0; at < bytes.size(); at += 4999) {
      log_position const where{offset{segment}, position{begin + at}};
      ASSERT_TRUE(kept.holds(where)) << segment << " " << at;
      auto const part = std::min<std::size_t>(5000, bytes.size() - at);
      EXPECT_EQ(kept.slice(where, part).to_string(),
                std::string(reinterpret_cast<char const*>(bytes.data()) + at, part));
    }
  }
  EXPECT_FALSE(kept.holds({offset{0}, position{4095}}));
  EXPECT_FALSE(kept.holds({offset{50}, position{0}}));
  EXPECT_FALSE(kept.holds({offset{300}, position{0}}));
  kept.clear();
}

}  // namespace
}  // namespace karst::log
