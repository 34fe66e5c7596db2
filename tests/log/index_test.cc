#include <gtest/gtest.h>

#include <limits>

#include "log/offset_index.h"
#include "log/time_index.h"
#include "tests/log/batches.h"
#include "tests/log/kafka_vectors.h"

namespace karst::log {
namespace {

TEST(offset_index, reads_and_writes_kafkas_file) {
  auto file = from_hex(vectors::offset_index);
  auto index = offset_index::decode(offset{0}, file);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->size(), 21U);
  EXPECT_EQ(index->lookup({0}), position{0});
  EXPECT_EQ(index->lookup({1}), position{0});
  EXPECT_EQ(index->lookup({2}), position{0x2e8});
  EXPECT_EQ(index->lookup({3}), position{0x2e8});
  EXPECT_EQ(index->lookup({4}), position{0x5d0});
  EXPECT_EQ(to_hex(index->encode()), vectors::offset_index);
}

TEST(offset_index, appends_are_encoded_from_where_the_file_ends) {
  offset_index index{offset{1000}};
  index.append({1009}, {0});
  index.append({1019}, {5000});
  index.append({1029}, {10000});
  EXPECT_EQ(to_hex(index.encode(1)), "00000013000013880000001d00002710");
  auto again = offset_index::decode(offset{1000}, index.encode());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->last_offset(), offset{1029});
  EXPECT_EQ(again->lookup({1025}), position{5000});
}

TEST(offset_index, what_does_not_rise_is_ignored) {
  offset_index index{offset{10}};
  index.append({20}, {100});
  index.append({20}, {200});
  index.append({19}, {300});
  index.append({30}, {100});
  index.append({9}, {400});
  index.append(offset{11} + std::numeric_limits<std::int32_t>::max(), {500});
  EXPECT_EQ(index.size(), 1U);
}

TEST(offset_index, refuses_files_that_do_not_rise) {
  EXPECT_TRUE(offset_index::decode({0}, from_hex("0000000500000005")));
  EXPECT_FALSE(offset_index::decode({0}, from_hex("00000005000000050000000400000009")));
  EXPECT_FALSE(offset_index::decode({0}, from_hex("00000005000000050000000600000005")));
  EXPECT_FALSE(offset_index::decode({0}, from_hex("ffffffff00000005")));
  EXPECT_FALSE(offset_index::decode({0}, from_hex("000000050000")));
  EXPECT_FALSE(offset_index::decode({0}, from_hex("0000000500000005"
                                                  "0000000000000000"
                                                  "01")));
}

TEST(offset_index, preallocated_zeros_are_no_entries) {
  auto index = offset_index::decode({0}, from_hex("0000000500000005"
                                                  "0000000000000000"));
  ASSERT_TRUE(index);
  EXPECT_EQ(index->size(), 1U);
}

TEST(offset_index, truncates_and_fills) {
  offset_index index{offset{0}};
  for (int i = 1; i <= 10; ++i) index.append({10 * i}, {static_cast<std::uint64_t>(100 * i)});
  index.truncate({50});
  EXPECT_EQ(index.last_offset(), offset{40});
  EXPECT_FALSE(index.full(40));
  EXPECT_TRUE(index.full(39));
}

TEST(time_index, reads_and_writes_kafkas_file) {
  auto file = from_hex(vectors::time_index);
  auto index = time_index::decode(offset{0}, file);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->size(), 21U);
  EXPECT_EQ(index->last(), (time_index::entry{1'700'000'000'420, {42}}));
  EXPECT_EQ(to_hex(index->encode()), vectors::time_index);
}

TEST(time_index, lookup_begins_below_the_time) {
  time_index index{offset{100}};
  index.append(1000, {110});
  index.append(2000, {120});
  EXPECT_EQ(index.lookup(999), offset{100});
  EXPECT_EQ(index.lookup(1000), offset{100}) << "an earlier record may have the same time";
  EXPECT_EQ(index.lookup(1001), offset{110});
  EXPECT_EQ(index.lookup(2000), offset{110});
  EXPECT_EQ(index.lookup(9999), offset{120});
}

TEST(time_index, what_does_not_rise_is_ignored) {
  time_index index{offset{0}};
  index.append(1000, {10});
  index.append(1000, {20});
  index.append(2000, {10});
  index.append(-1, {30});
  EXPECT_EQ(index.size(), 1U);
  EXPECT_EQ(time_index{offset{7}}.last(), (time_index::entry{-1, {7}}));
}

TEST(time_index, refuses_files_that_do_not_rise) {
  EXPECT_FALSE(
      time_index::decode({0}, from_hex("000000000000000500000005000000000000000500000006")));
  EXPECT_FALSE(time_index::decode({0}, from_hex("0000000000000005ffffffff")));
  EXPECT_FALSE(time_index::decode({0}, from_hex("00000000000000")));
  auto zeros = time_index::decode({0}, from_hex("000000000000000000000000"));
  ASSERT_TRUE(zeros);
  EXPECT_TRUE(zeros->empty());
}

}  // namespace
}  // namespace karst::log
