#include "net/consumer_protocol.h"

#include <gmock/gmock.h>

namespace karst::net {
namespace {

using testing::ElementsAre;

std::string bytes_of(std::initializer_list<int> values) {
  std::string bytes;
  for (auto value : values) bytes += static_cast<char>(value);
  return bytes;
}

consumer_subscription whole() {
  return {.version = 3,
          .topics = {"a", "bc"},
          .user_data = "data",
          .owned = {{"a", {0, 7}}, {"bc", {}}},
          .generation = 5,
          .rack = "r"};
}

// As ConsumerProtocol of kafka-clients 3.9 writes it.
TEST(consumer_protocol, subscription_is_kafkas) {
  auto written = bytes_of({0, 0, 0, 0, 0, 1, 0, 1, 't', 0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(to_bytes(consumer_subscription{.topics = {"t"}}), written);
  auto newest =
      bytes_of({0, 3, 0, 0, 0,    1,   0,   1, 't', 0xff, 0xff, 0xff, 0xff,        // version 0
                0, 0, 0, 1, 0,    1,   'u', 0, 0,   0,    1,    0,    0,    0, 2,  // owned
                0, 0, 0, 9, 0xff, 0xff});  // generation, rack
  auto read = parse_subscription(newest);
  ASSERT_TRUE(read);
  EXPECT_THAT(read->topics, ElementsAre("t"));
  EXPECT_THAT(read->owned, ElementsAre(topic_partitions{"u", {2}}));
  EXPECT_EQ(read->generation, 9);
  EXPECT_EQ(read->rack, std::nullopt);
  EXPECT_EQ(to_bytes(*read), newest);
}

TEST(consumer_protocol, each_version_keeps_what_it_has) {
  for (std::int16_t version = 0; version <= 3; ++version) {
    auto subscription = whole();
    subscription.version = version;
    auto read = parse_subscription(to_bytes(subscription));
    if (version < 1) subscription.owned.clear();
    if (version < 2) subscription.generation = -1;
    if (version < 3) subscription.rack.reset();
    EXPECT_EQ(read, subscription);
  }
}

TEST(consumer_protocol, assignment_is_kafkas) {
  consumer_assignment assignment{.version = 1, .partitions = {{"t", {0, 1}}}};
  auto written = bytes_of(
      {0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(to_bytes(assignment), written);
  EXPECT_EQ(parse_assignment(written), assignment);
}

TEST(consumer_protocol, newer_version_is_read_as_far_as_it_is_known) {
  auto bytes = to_bytes(whole());
  bytes[1] = 9;
  bytes += "what comes later";
  auto read = parse_subscription(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->version, 9);
  EXPECT_EQ(read->topics, whole().topics);
}

TEST(consumer_protocol, topics_are_read_alone_whatever_follows) {
  auto bytes = to_bytes(whole());
  auto version_0 = to_bytes({.topics = whole().topics, .user_data = "data"});
  EXPECT_THAT(*parse_subscribed_topics(bytes), ElementsAre("a", "bc"));
  EXPECT_THAT(*parse_subscribed_topics(version_0 + "?"), ElementsAre("a", "bc"));
  // Version 3 by its number, but nothing of it there.
  version_0[1] = 3;
  EXPECT_THAT(*parse_subscribed_topics(version_0), ElementsAre("a", "bc"));
  EXPECT_FALSE(parse_subscription(version_0));
}

TEST(consumer_protocol, cut_bytes_are_refused) {
  auto bytes = to_bytes(whole());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(parse_subscription(std::string_view{bytes}.substr(0, size))) << size;
  }
  auto assignment = to_bytes(consumer_assignment{.partitions = {{"t", {0, 1}}}, .user_data = "u"});
  for (std::size_t size = 0; size < assignment.size(); ++size) {
    EXPECT_FALSE(parse_assignment(std::string_view{assignment}.substr(0, size))) << size;
  }
}

TEST(consumer_protocol, lengths_that_cannot_be_are_refused) {
  EXPECT_FALSE(parse_subscription(bytes_of({0, 0, 0x7f, 0xff, 0xff, 0xff})));        // topics
  EXPECT_FALSE(parse_subscription(bytes_of({0, 0, 0xff, 0xff, 0xff, 0xff})));        // null topics
  EXPECT_FALSE(parse_subscription(bytes_of({0, 0, 0, 0, 0, 1, 0xff, 0xff})));        // null topic
  EXPECT_FALSE(parse_subscription(bytes_of({0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0})));  // version -1
  EXPECT_FALSE(parse_assignment(bytes_of({0, 0, 0, 0, 0, 1, 0, 1, 't', 0x10, 0, 0, 0})));
}

}  // namespace
}  // namespace karst::net
