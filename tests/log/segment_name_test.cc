#include "log/segment_name.h"

#include <gtest/gtest.h>

namespace karst::log {
namespace {

TEST(segment_name, kafkas_names_both_ways) {
  struct {
    std::string_view text;
    segment_name name;
  } const all[] = {
      {"00000000000000000000.log", {{0}, segment_file::log, segment_suffix::none}},
      {"00000000000000000043.index", {{43}, segment_file::offset_index, segment_suffix::none}},
      {"00000000000000000043.timeindex", {{43}, segment_file::time_index, segment_suffix::none}},
      {"00000000000000000043.txnindex", {{43}, segment_file::txn_index, segment_suffix::none}},
      {"00000000000000000060.snapshot", {{60}, segment_file::snapshot, segment_suffix::none}},
      {"09223372036854775807.log",
       {{9'223'372'036'854'775'807}, segment_file::log, segment_suffix::none}},
      {"00000000000000000007.log.deleted", {{7}, segment_file::log, segment_suffix::deleted}},
      {"00000000000000000007.index.cleaned",
       {{7}, segment_file::offset_index, segment_suffix::cleaned}},
      {"00000000000000000007.timeindex.swap",
       {{7}, segment_file::time_index, segment_suffix::swap}},
  };
  for (auto const& one : all) {
    EXPECT_EQ(parse_segment_name(one.text), one.name) << one.text;
    EXPECT_EQ(to_string(one.name), one.text);
  }
}

TEST(segment_name, other_files_are_none) {
  for (auto text :
       {"", "partition.metadata", "leader-epoch-checkpoint", "00000000000000000000", "0.log",
        "0000000000000000000x.log", "-0000000000000000001.log", "00000000000000000000.",
        "00000000000000000000.logs", "00000000000000000000.log.", "00000000000000000000.log.old",
        "00000000000000000000.log.deleted.deleted", "99999999999999999999.log",
        "000000000000000000000.log"}) {
    EXPECT_EQ(parse_segment_name(text), std::nullopt) << text;
  }
}

TEST(segment_name, partition_directories_both_ways) {
  EXPECT_EQ(partition_directory("orders", 3), "orders-3");
  EXPECT_EQ(parse_partition_directory("orders-3"), (directory_name{"orders", 3}));
  EXPECT_EQ(parse_partition_directory("a-b-10"), (directory_name{"a-b", 10}));
  EXPECT_EQ(parse_partition_directory("__consumer_offsets-49"),
            (directory_name{"__consumer_offsets", 49}));
  auto unique = std::string(32, 'a');
  EXPECT_EQ(deleting_directory("orders", 3, unique), "orders-3." + unique + "-delete");
  EXPECT_EQ(parse_partition_directory("orders-3." + unique + "-delete"),
            (directory_name{"orders", 3, directory_state::deleting}));
  EXPECT_EQ(parse_partition_directory("orders-3." + unique + "-future"),
            (directory_name{"orders", 3, directory_state::future}));
  EXPECT_EQ(parse_partition_directory("orders-3." + unique + "-stray"),
            (directory_name{"orders", 3, directory_state::stray}));
  EXPECT_EQ(deleting_directory(std::string(249, 't'), 12345, unique).size(), 255U);
}

TEST(segment_name, other_directories_are_none) {
  for (auto text : {"", "lost+found", "orders", "orders-", "-1", "orders--delete", "..-1", ".-0",
                    "orders-01", "orders-+1", "orders-99999999999", "bad name-1", "a/b-1",
                    "orders-delete", "orders-1.x-delete"}) {
    EXPECT_EQ(parse_partition_directory(text), std::nullopt) << text;
  }
  EXPECT_EQ(parse_partition_directory(std::string(250, 't') + "-1"), std::nullopt);
}

}  // namespace
}  // namespace karst::log
