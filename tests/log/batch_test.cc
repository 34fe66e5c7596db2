#include "log/batch.h"

#include <gtest/gtest.h>

#include <limits>

#include "log/batch_builder.h"
#include "log/batch_cursor.h"
#include "log/validated_batch.h"
#include "tests/log/batches.h"
#include "tests/log/kafka_vectors.h"

namespace karst::log {
namespace {

TEST(batch, reads_what_java_wrote) {
  auto bytes = from_hex(vectors::java_none);
  auto batches = batches_in(bytes);
  ASSERT_EQ(batches.size(), 2U);
  auto const& second = batches[1].header;
  EXPECT_EQ(second.base, offset{3});
  EXPECT_EQ(second.last(), offset{5});
  EXPECT_EQ(second.leader_epoch, leader_epoch{0});
  EXPECT_EQ(second.compression(), codec::none);
  EXPECT_EQ(second.base_timestamp, 1'700'000'001'000);
  EXPECT_EQ(second.max_timestamp, 1'700'000'001'014);
  EXPECT_EQ(second.producer, producer_id{0});
  EXPECT_EQ(second.producer_epoch, 0);
  EXPECT_EQ(second.base_sequence, 3);
  EXPECT_EQ(second.last_sequence(), 5);
  EXPECT_EQ(second.record_count, 3);
  EXPECT_FALSE(second.transactional());
  EXPECT_FALSE(second.control());
  EXPECT_EQ(second.time(), timestamp_type::create_time);
  EXPECT_TRUE(crc_matches(batches[0].bytes));
  EXPECT_TRUE(crc_matches(batches[1].bytes));
}

TEST(batch, reads_the_records_that_java_wrote) {
  auto bytes = from_hex(vectors::java_none);
  auto batch = batches_in(bytes).front();
  record_cursor cursor{batch.bytes.subspan(batch_layout::records), batch.header.record_count};
  auto const* first = cursor.next();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->key, "key-0");
  EXPECT_EQ(first->timestamp_delta, 0);
  ASSERT_EQ(first->headers.size(), 2U);
  EXPECT_EQ(first->headers[0], (record_header{"h", "x"}));
  EXPECT_EQ(first->headers[1], (record_header{"n", std::nullopt}));
  auto const* second = cursor.next();
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->key, std::nullopt);
  EXPECT_EQ(second->offset_delta, 1);
  auto const* third = cursor.next();
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(third->value, std::nullopt);
  EXPECT_EQ(cursor.next(), nullptr);
  EXPECT_FALSE(cursor.failed());
}

TEST(batch, builds_the_bytes_that_java_wrote) {
  auto bytes = from_hex(vectors::java_none);
  batch_builder builder{
      {.leader_epoch = {0}, .producer = {0}, .producer_epoch = 0, .base_sequence = 0}};
  auto text = std::string{" the same words the same words the same words"};
  std::vector<std::byte> built;
  for (int batch = 0; batch < 2; ++batch) {
    auto at = 1'700'000'000'000 + 1000 * batch;
    builder.add(at, "key-0", fmt::format("value {} 0{}", batch, text), {{"h", "x"}, {"n", {}}});
    builder.add(at + 14, std::nullopt, fmt::format("value {} 1{}", batch, text));
    builder.add(at + 7, "key-2", std::nullopt);
    auto whole = builder.finish();
    stamp(whole.data(), offset{3 * batch}, leader_epoch{0});
    built.insert(built.end(), whole.bytes().begin(), whole.bytes().end());
  }
  EXPECT_EQ(to_hex(built), vectors::java_none);
}

TEST(batch, stamping_leaves_the_crc_right) {
  auto batch = sample_batch(3);
  stamp(batch.data(), offset{1'234'567'890'123}, leader_epoch{7});
  auto header = batch_header::decode(batch.data());
  EXPECT_EQ(header.base, offset{1'234'567'890'123});
  EXPECT_EQ(header.leader_epoch, leader_epoch{7});
  EXPECT_TRUE(crc_matches(batch.bytes()));
}

TEST(batch, every_changed_byte_after_the_crc_is_noticed) {
  auto batch = sample_batch(3);
  for (auto at = batch_layout::crc; at < batch.size(); ++at) {
    batch.data()[at] ^= std::byte{1};
    EXPECT_FALSE(crc_matches(batch.bytes())) << at;
    EXPECT_FALSE(crc_matches(in_pieces(batch.bytes(), 7))) << at;
    batch.data()[at] ^= std::byte{1};
  }
  EXPECT_TRUE(crc_matches(in_pieces(batch.bytes(), 7)));
}

TEST(batch, header_round_trip) {
  auto bytes = from_hex(vectors::log_append_time);
  auto header = batch_header::decode(bytes.data());
  EXPECT_EQ(header.time(), timestamp_type::log_append_time);
  std::vector<std::byte> again(batch_layout::header_bytes);
  header.encode(again.data());
  EXPECT_EQ(to_hex(again), to_hex(std::span{bytes}.first(batch_layout::header_bytes)));
}

TEST(batch, sequences_wrap_to_zero) {
  constexpr auto largest = std::numeric_limits<std::int32_t>::max();
  EXPECT_EQ(advance_sequence(0, 5), 5);
  EXPECT_EQ(advance_sequence(largest, 0), largest);
  EXPECT_EQ(advance_sequence(largest, 1), 0);
  EXPECT_EQ(advance_sequence(largest - 2, 5), 2);
  EXPECT_EQ(advance_sequence(largest, largest), largest - 1);
  EXPECT_EQ(advance_sequence(-1, 5), -1);
}

TEST(batch, cursor_says_why_it_ends) {
  auto batch = sample_batch(2);
  auto whole = batch.bytes();
  batch_cursor complete{whole};
  EXPECT_TRUE(complete.next());
  EXPECT_FALSE(complete.next());
  EXPECT_EQ(complete.state(), cursor_state::end);
  EXPECT_EQ(complete.consumed(), whole.size());

  for (std::size_t size = 1; size < whole.size(); ++size) {
    batch_cursor cut{whole.first(size)};
    EXPECT_FALSE(cut.next());
    EXPECT_EQ(cut.state(), cursor_state::cut) << size;
  }

  std::vector<std::byte> zeros(100);
  batch_cursor unwritten{zeros};
  EXPECT_FALSE(unwritten.next());
  EXPECT_EQ(unwritten.state(), cursor_state::malformed);
}

TEST(batch, record_round_trip) {
  std::string long_value(300, 'v');
  record entry{.offset_delta = 70'000,
               .timestamp_delta = -5'000'000'000,
               .key = "",
               .value = long_value,
               .headers = {{"a", ""}, {"", std::nullopt}, {"b", "2"}}};
  std::vector<std::byte> bytes(encoded_size(entry));
  EXPECT_EQ(encode(entry, bytes.data()), bytes.data() + bytes.size());
  std::span<std::byte const> rest{bytes};
  record decoded;
  ASSERT_TRUE(decode(rest, decoded));
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(decoded, entry);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    rest = std::span{bytes}.first(size);
    EXPECT_FALSE(decode(rest, decoded)) << size;
  }
}

TEST(batch, trusted_takes_what_the_builder_made) {
  auto batch = validated_batch::trusted(in_pieces(sample_batch(4).bytes(), 13));
  EXPECT_EQ(batch.header.record_count, 4);
  EXPECT_EQ(batch.size(), batch.header.size_bytes());
  EXPECT_EQ(batch.share().size(), batch.size());
}

TEST(batch, codec_names) {
  for (int i = 0; i < codec_count; ++i) {
    EXPECT_EQ(parse_codec(name(static_cast<codec>(i))), static_cast<codec>(i));
  }
  EXPECT_EQ(parse_codec("uncompressed"), codec::none);
  EXPECT_EQ(parse_codec("lzma"), std::nullopt);
}

}  // namespace
}  // namespace karst::log
