#include "cluster/group_records.h"

#include <gtest/gtest.h>

#include <random>

namespace karst::cluster {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

group_image some_group() {
  return {.protocol_type = "consumer",
          .generation = 3,
          .protocol = "range",
          .leader = "m1",
          .state_timestamp = 1000,
          .members = {{.id = "m1",
                       .instance_id = "i",
                       .client_id = "c",
                       .client_host = "/h",
                       .rebalance_timeout_ms = 5,
                       .session_timeout_ms = 6,
                       .subscription = "sub",
                       .assignment = "as"}}};
}

// As kafka.coordinator.group.GroupMetadataManager of Kafka 3.9 writes them (OffsetCommitKey v1,
// OffsetCommitValue v3, GroupMetadataKey v2, GroupMetadataValue v3).
TEST(group_records, kafkas_bytes) {
  EXPECT_EQ(hex(offset_record_key("g", "topic", 2)),
            "0001000167"
            "0005746f706963"
            "00000002");
  committed_offset committed{
      .offset = 7, .leader_epoch = 1, .metadata = "m", .commit_timestamp = 9};
  EXPECT_EQ(hex(offset_record_value(committed)),
            "0003"
            "0000000000000007"
            "00000001"
            "00016d"
            "0000000000000009");
  committed.expire_timestamp = 10;
  EXPECT_EQ(hex(offset_record_value(committed)),
            "0001"
            "0000000000000007"
            "00016d"
            "0000000000000009"
            "000000000000000a");
  EXPECT_EQ(hex(group_record_key("g")), "0002000167");
  EXPECT_EQ(hex(group_record_value(some_group())),
            "0003"
            "0008636f6e73756d6572"
            "00000003"
            "000572616e6765"
            "00026d31"
            "00000000000003e8"
            "00000001"
            "00026d31"
            "000169"
            "000163"
            "00022f68"
            "00000005"
            "00000006"
            "00000003737562"
            "000000026173");
}

TEST(group_records, what_was_written_is_read) {
  committed_offset committed{
      .offset = 7, .leader_epoch = 1, .metadata = "m", .commit_timestamp = 9};
  auto key = offset_record_key("g", "topic", 2);
  auto value = offset_record_value(committed);
  auto read = read_group_record(key, value);
  ASSERT_TRUE(read.has_value());
  auto const& offset = std::get<offset_record>(*read);
  EXPECT_EQ(offset.group, "g");
  EXPECT_EQ(offset.topic, "topic");
  EXPECT_EQ(offset.partition, 2);
  EXPECT_EQ(offset.value, committed);

  auto group = read_group_record(group_record_key("g"), group_record_value(some_group()));
  ASSERT_TRUE(group.has_value());
  EXPECT_EQ(std::get<group_record>(*group).value, some_group());

  auto deleted = read_group_record(group_record_key("g"), std::nullopt);
  ASSERT_TRUE(deleted.has_value());
  EXPECT_EQ(std::get<group_record>(*deleted).value, std::nullopt);
}

TEST(group_records, kinds_of_newer_kafkas_are_told_apart) {
  std::string member_key{"\x00\x05\x00\x01g\x00\x01m", 8};
  auto read = read_group_record(member_key, "anything");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(std::get<unknown_group_record>(*read).type, 5);
}

TEST(group_records, what_is_cut_or_random_is_refused_and_not_believed) {
  auto key = group_record_key("group");
  auto value = group_record_value(some_group());
  for (std::size_t size = 0; size < value.size(); ++size) {
    EXPECT_FALSE(read_group_record(key, std::string_view{value}.substr(0, size)).has_value());
  }
  for (std::size_t size = 0; size < key.size(); ++size) {
    EXPECT_FALSE(read_group_record(std::string_view{key}.substr(0, size), value).has_value());
  }
  std::mt19937_64 random{1};
  for (int i = 0; i < 20'000; ++i) {
    auto changed = value;
    changed[random() % changed.size()] = static_cast<char>(random());
    (void)read_group_record(key, changed);
  }
}

// Values of Java's "...".hashCode() & 0x7fffffff, computed by Java.
TEST(group_records, the_partition_is_javas) {
  EXPECT_EQ(partition_of_group("", 50), 0);
  EXPECT_EQ(partition_of_group("a", 50), 97 % 50);
  EXPECT_EQ(partition_of_group("my-group", 50), 240985886 % 50);
  EXPECT_EQ(partition_of_group("gr\xc3\xbc\xc3\x9f"
                               "e",
                               50),
            98768023 % 50);
  EXPECT_EQ(partition_of_group("\xe6\x97\xa5\xe6\x9c\xac", 50), 835047 % 50);
  EXPECT_EQ(partition_of_group("\xf0\x9f\x98\x80", 50), 1772899 % 50);
}

}  // namespace
}  // namespace karst::cluster
