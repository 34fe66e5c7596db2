#include "log/checkpoints.h"

#include <gtest/gtest.h>

#include "tests/log/kafka_vectors.h"

namespace karst::log {
namespace {

TEST(checkpoints, epochs_as_kafka_writes_them) {
  auto epochs = parse_epochs(vectors::epoch_checkpoint);
  ASSERT_TRUE(epochs);
  EXPECT_EQ(*epochs, (std::vector<epoch_start>{{{0}, {0}}}));
  EXPECT_EQ(encode_epochs(*epochs), vectors::epoch_checkpoint);
  std::vector<epoch_start> two{{{3}, {17}}, {{2'147'483'647}, {9'223'372'036'854'775'807}}};
  EXPECT_EQ(parse_epochs(encode_epochs(two)), two);
}

TEST(checkpoints, offsets_as_kafka_writes_them) {
  auto offsets = parse_offsets(vectors::recovery_points);
  ASSERT_TRUE(offsets);
  EXPECT_EQ(offsets->size(), 11U);
  EXPECT_EQ(offsets->front(), (offset_checkpoint{"v-gzip", 0, {6}}));
  EXPECT_EQ(encode_offsets(*offsets), vectors::recovery_points);
  auto none = parse_offsets(vectors::log_starts);
  ASSERT_TRUE(none);
  EXPECT_TRUE(none->empty());
  EXPECT_EQ(encode_offsets({}), vectors::log_starts);
}

TEST(checkpoints, partition_metadata_as_kafka_writes_it) {
  auto id = parse_partition_metadata(vectors::partition_metadata);
  ASSERT_TRUE(id);
  EXPECT_EQ(encode_partition_metadata(*id), vectors::partition_metadata);
}

TEST(checkpoints, torn_or_foreign_text_is_refused) {
  for (auto text : {"", "0", "0\n", "1\n0\n", "0\n2\n0 0\n", "0\n1\n0 0\n1 1\n", "0\n1\n0\n",
                    "0\n1\nx 0\n", "0\n1\n0 x\n", "0\n1\n-1 0\n", "0\n1\n0 0 0\n", "0\n-1\n",
                    "0\n99999999999999999999\n", "0\n1\n99999999999 0\n"}) {
    EXPECT_FALSE(parse_epochs(text)) << text;
  }
  for (auto text : {"", "0\n1\ntopic 0\n", "0\n1\n 0 0\n", "0\n1\ntopic -1 0\n",
                    "0\n1\ntopic 0 0 0\n", "0\n2\ntopic 0 0\n"}) {
    EXPECT_FALSE(parse_offsets(text)) << text;
  }
  for (auto text : {"", "version: 0", "version: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ",
                    "version: 0\ntopic_id: ", "version: 0\ntopic_id: short",
                    "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA",
                    "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\nmore"}) {
    EXPECT_FALSE(parse_partition_metadata(text)) << text;
  }
}

}  // namespace
}  // namespace karst::log
