#include "tools/time_text.h"

#include <gtest/gtest.h>

namespace karst::tools {
namespace {

TEST(time_text, times_are_read_as_they_are_shown) {
  EXPECT_EQ(parse_time("1758449730123"), 1758449730123);
  EXPECT_EQ(parse_time("2025-09-21T10:15:30.123Z"), 1758449730123);
  EXPECT_EQ(parse_time(time_text(1758449730123)), 1758449730123);
  EXPECT_EQ(parse_time("2025-09-21T10:15:30"), 1758449730000);
  EXPECT_EQ(parse_time("2025-09-21T10:15Z"), 1758449700000);
  EXPECT_EQ(parse_time("2025-09-21"), 1758412800000);
  for (auto const* wrong :
       {"", "noon", "2025-09", "2025-09-21T10:15:30X", "2025-09-21T10:15:30.1Z"}) {
    EXPECT_FALSE(parse_time(wrong)) << wrong;
  }
}

TEST(time_text, durations) {
  EXPECT_EQ(parse_duration("90s"), 90'000);
  EXPECT_EQ(parse_duration("1h30m"), 5'400'000);
  EXPECT_EQ(parse_duration("2d"), 172'800'000);
  EXPECT_EQ(parse_duration("PT1H30M"), 5'400'000);
  EXPECT_EQ(parse_duration("P1DT1S"), 86'401'000);
  for (auto const* wrong : {"", "P", "5", "1x", "-1s", "h", "99999999999d"}) {
    EXPECT_FALSE(parse_duration(wrong)) << wrong;
  }
  EXPECT_EQ(duration_text(0), "0.0 s");
  EXPECT_EQ(duration_text(600), "10 min");
  EXPECT_EQ(duration_text(7 * 86'400), "7 d");
}

}  // namespace
}  // namespace karst::tools
