#include "reactor/base/varint.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace karst {
namespace {

std::vector<std::uint8_t> written(std::uint64_t value) {
  std::vector<std::uint8_t> bytes(max_varint64_bytes);
  bytes.resize(write_varint(bytes.data(), value));
  return bytes;
}

TEST(varint, matches_the_encoding_of_protocol_buffers) {
  EXPECT_EQ(written(0), (std::vector<std::uint8_t>{0}));
  EXPECT_EQ(written(127), (std::vector<std::uint8_t>{0x7f}));
  EXPECT_EQ(written(128), (std::vector<std::uint8_t>{0x80, 0x01}));
  EXPECT_EQ(written(300), (std::vector<std::uint8_t>{0xac, 0x02}));
  EXPECT_EQ(written(std::numeric_limits<std::uint32_t>::max()),
            (std::vector<std::uint8_t>{0xff, 0xff, 0xff, 0xff, 0x0f}));
}

TEST(varint, zigzag_puts_small_negatives_beside_small_positives) {
  EXPECT_EQ(zigzag(0), 0u);
  EXPECT_EQ(zigzag(-1), 1u);
  EXPECT_EQ(zigzag(1), 2u);
  EXPECT_EQ(zigzag(std::numeric_limits<std::int64_t>::min()),
            std::numeric_limits<std::uint64_t>::max());
  for (auto value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{63}, std::int64_t{-64},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(unzigzag(zigzag(value)), value);
  }
}

TEST(varint, reads_back_every_length) {
  for (auto bit = 0; bit < 64; ++bit) {
    for (auto value : {std::uint64_t{1} << bit, (std::uint64_t{1} << bit) - 1}) {
      auto bytes = written(value);
      EXPECT_EQ(varint_size(value), bytes.size());
      std::uint64_t read = 0;
      EXPECT_EQ(read_varint(bytes.data(), bytes.data() + bytes.size(), read), bytes.size());
      EXPECT_EQ(read, value);
      // Cut short, it is refused.
      EXPECT_EQ(read_varint(bytes.data(), bytes.data() + bytes.size() - 1, read), 0u);
    }
  }
}

TEST(varint, refuses_what_does_not_fit) {
  std::uint64_t value = 0;
  auto read32 = [&](std::vector<std::uint8_t> const& bytes) {
    return read_varint(bytes.data(), bytes.data() + bytes.size(), value, max_varint32_bytes);
  };
  EXPECT_EQ(read32({0xff, 0xff, 0xff, 0xff, 0x0f}), 5u);
  EXPECT_EQ(read32({0xff, 0xff, 0xff, 0xff, 0x1f}), 0u);
  EXPECT_EQ(read32({0x80, 0x80, 0x80, 0x80, 0x80, 0x01}), 0u);
  auto read64 = [&](std::uint8_t last) {
    std::vector<std::uint8_t> bytes(9, 0xff);
    bytes.push_back(last);
    return read_varint(bytes.data(), bytes.data() + bytes.size(), value);
  };
  EXPECT_EQ(read64(0x01), 10u);
  EXPECT_EQ(value, std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(read64(0x02), 0u);
  EXPECT_EQ(read64(0x81), 0u);
}

}  // namespace
}  // namespace karst
