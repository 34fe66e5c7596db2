#include "tools/group_lag.h"

#include <gtest/gtest.h>

#include "log/batch_builder.h"

namespace karst::tools {
namespace {

// `records` records, one second apart from `time` on, in one batch at `base`.
std::string batch(std::int64_t base, int records, wall_ms time, log::batch_options options = {}) {
  options.base = log::offset{base};
  log::batch_builder builder{options};
  for (int i = 0; i < records; ++i) builder.add(time + i * 1000, "key", "a value of a record");
  auto bytes = builder.finish();
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

unread_sample sample(std::string const& batches, std::int64_t from) {
  return sample_unread(std::as_bytes(std::span{batches}), from);
}

TEST(group_lag, the_first_unread_record_in_the_middle_of_a_batch) {
  for (auto codec : {log::codec::none, log::codec::zstd}) {
    auto first = batch(100, 10, 50'000, {.compression = codec});
    auto second = batch(110, 10, 90'000, {.compression = codec});
    auto seen = sample(first + second, 107);
    EXPECT_EQ(seen.first_written, 57'000);
    EXPECT_EQ(seen.next, 120);
    EXPECT_EQ(seen.bytes, first.size() * 3 / 10 + second.size());
  }
}

TEST(group_lag, a_batch_that_the_broker_stamped) {
  auto stamped = batch(0, 10, 50'000, {.time = log::timestamp_type::log_append_time});
  EXPECT_EQ(sample(stamped, 3).first_written, 59'000) << "the batch's time, which all records have";
}

TEST(group_lag, markers_are_bytes_but_no_records) {
  auto marker = batch(5, 1, 1'000, {.transactional = true, .control = true});
  EXPECT_FALSE(sample(marker, 5).first_written);
  EXPECT_EQ(sample(marker, 5).next, 6);
  auto seen = sample(marker + batch(6, 2, 9'000), 5);
  EXPECT_EQ(seen.first_written, 9'000);
}

TEST(group_lag, what_was_compacted_away_is_passed_over) {
  // Records 100 to 104 are left of a batch that once had more; the group is at 200.
  auto seen = sample(batch(100, 5, 1'000) + batch(300, 5, 7'000), 200);
  EXPECT_EQ(seen.first_written, 7'000);
  EXPECT_EQ(seen.next, 305);
}

TEST(group_lag, a_cut_batch_does_not_count) {
  auto whole = batch(0, 5, 1'000);
  auto seen = sample(whole + batch(5, 5, 9'000).substr(0, 80), 0);
  EXPECT_EQ(seen.next, 5);
  EXPECT_EQ(seen.bytes, whole.size());
  EXPECT_EQ(sample("", 7).next, 7);
}

TEST(group_lag, bytes_are_exact_where_the_sample_reaches_the_end) {
  partition_lag lag{.committed = 900, .log_start = 0, .end = 1000};
  auto behind = bytes_behind({.next = 1000, .bytes = 4321}, lag, 1'000'000);
  EXPECT_EQ(behind.bytes, 4321);
  EXPECT_TRUE(behind.exact);
}

TEST(group_lag, else_the_share_of_the_partition) {
  partition_lag lag{.committed = 500, .log_start = 0, .end = 1000};
  unread_sample part{.next = 510, .bytes = 800};
  EXPECT_EQ(bytes_behind(part, lag, 1'000'000).bytes, 500'000);
  EXPECT_FALSE(bytes_behind(part, lag, 1'000'000).exact);
  // What was seen is there, whatever the directory's size says.
  EXPECT_EQ(bytes_behind(part, lag, 10).bytes, 800);
  EXPECT_EQ(bytes_behind(part, lag, std::nullopt).bytes, 40'000) << "80 bytes for each offset";
  // What was deleted before the group read it is not behind.
  lag.committed = 0;
  lag.log_start = 500;
  EXPECT_EQ(bytes_behind(part, lag, 1'000'000).bytes, 1'000'000);
}

TEST(group_lag, seconds) {
  EXPECT_EQ(seconds_behind(1'000, 3'500), 2.5);
  EXPECT_EQ(seconds_behind(5'000, 3'500), 0) << "stamped in the future";
}

}  // namespace
}  // namespace karst::tools
