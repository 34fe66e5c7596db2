#include "log/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace karst::log {
namespace {

using ::testing::HasSubstr;

disk_space volume(std::uint64_t total, std::uint64_t available) {
  return {.total_bytes = total, .available_bytes = available};
}

TEST(space, derives_the_hard_mark_from_the_volume) {
  space large{"/d", {}};
  large.update(volume(1024 * GiB, 512 * GiB));
  EXPECT_EQ(large.hard_mark(), 512 * MiB);
  EXPECT_EQ(large.soft_mark(), 1024 * GiB / 100 * 10);
  space small{"/d", {}};
  small.update(volume(100 * MiB, 50 * MiB));
  EXPECT_EQ(small.hard_mark(), 5 * MiB);
  space set{"/d", {.hard_bytes = 7 * MiB, .soft_percent = 1}};
  set.update(volume(100 * MiB, 50 * MiB));
  EXPECT_EQ(set.hard_mark(), 7 * MiB);
  // There is always some room between the marks.
  EXPECT_EQ(set.soft_mark(), 7 * MiB + 7 * MiB / 4);
}

TEST(space, changes_its_level_at_the_marks_and_back_a_little_above_them) {
  space watched{"/d", {.hard_bytes = 16 * MiB, .soft_percent = 20}};
  EXPECT_FALSE(watched.update(volume(200 * MiB, 40 * MiB)));
  EXPECT_TRUE(watched.update(volume(200 * MiB, 40 * MiB - 1)));
  EXPECT_EQ(watched.level(), space_level::low);
  EXPECT_FALSE(watched.update(volume(200 * MiB, 41 * MiB)));
  EXPECT_TRUE(watched.update(volume(200 * MiB, 16 * MiB - 1)));
  EXPECT_EQ(watched.level(), space_level::full);
  EXPECT_FALSE(watched.update(volume(200 * MiB, 16 * MiB)));
  EXPECT_TRUE(watched.update(volume(200 * MiB, 17 * MiB)));
  EXPECT_EQ(watched.level(), space_level::low);
  EXPECT_EQ(watched.excess(), 42 * MiB + 512 * KiB - 17 * MiB);
  EXPECT_TRUE(watched.update(volume(200 * MiB, 43 * MiB)));
  EXPECT_EQ(watched.level(), space_level::ample);
  EXPECT_EQ(watched.excess(), 0U);
}

TEST(space, names_mark_directory_and_bytes) {
  space watched{"/d", {.hard_bytes = 1000, .soft_percent = 10}};
  watched.update(volume(100'000, 900));
  for (auto const& text : {watched.refusal(), watched.report()}) {
    EXPECT_THAT(text, HasSubstr("/d has 900 bytes left"));
    EXPECT_THAT(text, HasSubstr("hard mark of 1000"));
    EXPECT_THAT(text, HasSubstr("karst.space.hard.bytes"));
  }
  watched.update(volume(100'000, 5000));
  EXPECT_THAT(watched.report(), HasSubstr("soft mark of 10000 (karst.space.soft.percent=10)"));
  EXPECT_THAT(watched.report(), HasSubstr("karst.space.policy=delete-oldest"));
}

TEST(space, has_no_soft_mark_where_none_is_set) {
  space watched{"/d", {.hard_bytes = 1000, .soft_percent = 0}};
  EXPECT_FALSE(watched.update(volume(100'000, 1001)));
  EXPECT_TRUE(watched.update(volume(100'000, 999)));
  EXPECT_EQ(watched.level(), space_level::full);
}

}  // namespace
}  // namespace karst::log
