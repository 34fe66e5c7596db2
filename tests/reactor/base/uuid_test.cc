#include "reactor/base/uuid.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_random.h"

namespace karst {
namespace {

TEST(uuid, prints_as_kafka_does) {
  uuid id;
  EXPECT_EQ(to_string(id), "AAAAAAAAAAAAAAAAAAAAAA");
  EXPECT_TRUE(id.is_zero());
  // Kafka's Uuid.METADATA_TOPIC_ID is new Uuid(0, 1).
  id.bytes[15] = 1;
  EXPECT_EQ(to_string(id), "AAAAAAAAAAAAAAAAAAAAAQ");
  EXPECT_FALSE(id.is_zero());
}

TEST(uuid, reads_back_what_it_prints) {
  sim::random_source random{42};
  for (auto round = 0; round < 1000; ++round) {
    auto id = make_uuid(random.next(), random.next());
    auto text = to_string(id);
    EXPECT_EQ(text.size(), 22u);
    EXPECT_NE(text[0], '-');
    EXPECT_EQ(id.bytes[6] >> 4, 4) << "version";
    EXPECT_EQ(id.bytes[8] >> 6, 2) << "variant";
    EXPECT_EQ(parse_uuid(text), id);
  }
  EXPECT_NE(to_string(make_uuid(0xf8, 0))[0], '-');
}

TEST(uuid, refuses_other_text) {
  EXPECT_FALSE(parse_uuid(""));
  EXPECT_FALSE(parse_uuid("AAAAAAAAAAAAAAAAAAAAA"));
  EXPECT_FALSE(parse_uuid("AAAAAAAAAAAAAAAAAAAAAAA"));
  EXPECT_FALSE(parse_uuid("AAAAAAAAAA+AAAAAAAAAAA"));
  EXPECT_FALSE(parse_uuid("AAAAAAAAAAAAAAAAAAAAA="));
}

}  // namespace
}  // namespace karst
