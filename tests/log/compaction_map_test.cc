#include "log/compaction_map.h"

#include <gtest/gtest.h>

#include <string>

#include "reactor/base/units.h"

namespace karst::log {
namespace {

std::span<std::byte const> bytes(std::string const& text) { return std::as_bytes(std::span{text}); }

TEST(compaction_map, remembers_the_newest_offset_of_each_key) {
  compaction_map map{100, MiB, 1};
  EXPECT_TRUE(map.put(bytes("a"), {3}));
  EXPECT_TRUE(map.put(bytes("b"), {4}));
  EXPECT_TRUE(map.put(bytes("a"), {7}));
  EXPECT_TRUE(map.put(bytes(""), {0}));
  EXPECT_EQ(map.size(), 3U);
  EXPECT_EQ(map.find(bytes("a")), offset{7});
  EXPECT_EQ(map.find(bytes("b")), offset{4});
  EXPECT_EQ(map.find(bytes("")), offset{0});
  EXPECT_EQ(map.find(bytes("c")), no_offset);
}

TEST(compaction_map, latest_only_rises) {
  compaction_map map{1, MiB, 1};
  EXPECT_EQ(map.latest(), no_offset);
  map.looked_at({10});
  map.looked_at({4});
  EXPECT_EQ(map.latest(), offset{10});
}

TEST(compaction_map, full_map_takes_no_new_key_but_known_ones) {
  compaction_map map{1000, 50 * compaction_map::entry_bytes, 1};
  EXPECT_EQ(map.capacity(), 45U);
  for (int i = 0; i < 45; ++i) ASSERT_TRUE(map.put(bytes(std::to_string(i)), {i}));
  EXPECT_FALSE(map.put(bytes("one more"), {45}));
  EXPECT_TRUE(map.put(bytes("3"), {46}));
  EXPECT_EQ(map.find(bytes("one more")), no_offset);
  for (int i = 4; i < 45; ++i) ASSERT_EQ(map.find(bytes(std::to_string(i))), offset{i});
  EXPECT_EQ(map.find(bytes("3")), offset{46});
}

TEST(compaction_map, many_keys_of_all_lengths) {
  constexpr int count = 100'000;
  compaction_map map{count, 64 * MiB, 42};
  auto key = [](int i) {
    return std::string(static_cast<std::size_t>(i % 300), 'x') + std::to_string(i);
  };
  for (int i = 0; i < count; ++i) ASSERT_TRUE(map.put(bytes(key(i)), {i}));
  EXPECT_EQ(map.size(), static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) ASSERT_EQ(map.find(bytes(key(i))), offset{i});
  EXPECT_EQ(map.find(bytes(key(count))), no_offset);
}

}  // namespace
}  // namespace karst::log
