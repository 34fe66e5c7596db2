#include "reactor/base/crc32c.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

namespace karst {
namespace {

// RFC 3720, B.4.
TEST(crc32c, matches_known_vectors) {
  EXPECT_EQ(crc32c(0, "", 0), 0u);
  EXPECT_EQ(crc32c(0, "123456789", 9), 0xe3069283u);
  std::vector<std::uint8_t> bytes(32, 0);
  EXPECT_EQ(crc32c(0, bytes.data(), 32), 0x8a9136aau);
  bytes.assign(32, 0xff);
  EXPECT_EQ(crc32c(0, bytes.data(), 32), 0x62a8ab43u);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  EXPECT_EQ(crc32c(0, bytes.data(), 32), 0x46dd794eu);
}

TEST(crc32c, pieces_give_the_value_of_the_whole_and_copies_are_exact) {
  std::string text(100'003, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  auto const whole = crc32c(0, text.data(), text.size());
  for (auto cut : {1UL, 7UL, 4'096UL, 65'537UL}) {
    auto first = crc32c(0, text.data(), cut);
    EXPECT_EQ(crc32c(first, text.data() + cut, text.size() - cut), whole);
    std::string copy(text.size(), 'x');
    first = copy_crc32c(0, copy.data(), text.data(), cut);
    EXPECT_EQ(copy_crc32c(first, copy.data() + cut, text.data() + cut, text.size() - cut), whole);
    EXPECT_EQ(copy, text);
  }
}

}  // namespace
}  // namespace karst
