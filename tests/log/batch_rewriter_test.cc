#include "log/batch_rewriter.h"

#include <gtest/gtest.h>

#include "log/batch_search.h"
#include "log/batch_validator.h"
#include "tests/log/batches.h"
#include "tests/log/kafka_vectors.h"
#include "tests/sim/sim_machine.h"

namespace karst::log {
namespace {

constexpr wall_ms now = 1'700'000'000'000;
constexpr codec all_codecs[] = {codec::none, codec::gzip, codec::snappy, codec::lz4, codec::zstd};

class batch_rewriter_test : public ::testing::Test {
 protected:
  batch_validator::result validate(buffer const& batch, validation_rules rules) {
    rules.now = now;
    return machine_.run(0, validator_.validate(in_pieces(batch.bytes(), 100), rules));
  }
  // The records of a batch as "key=value@offset", inflated.
  static std::vector<std::string> records_of(validated_batch const& batch) {
    auto records = decompress(batch.header.compression(), batch.bytes, batch_layout::records,
                              batch.size() - batch_layout::records, 64 * MiB);
    EXPECT_TRUE(records);
    record_cursor cursor{records->bytes(), batch.header.record_count};
    std::vector<std::string> texts;
    while (auto const* next = cursor.next()) {
      texts.push_back(fmt::format("{}={}@{}", next->key.value_or("-"), next->value.value_or("-"),
                                  next->offset_delta));
    }
    EXPECT_FALSE(cursor.failed());
    return texts;
  }

  sim::world world_{{}};
  sim::machine machine_{world_, 1};
  batch_validator validator_;
};

TEST_F(batch_rewriter_test, log_append_time_stamps_the_header) {
  for (auto compression : all_codecs) {
    auto batch = sample_batch(3, {.compression = compression}, now - 5000);
    auto result = validate(batch, {.time = timestamp_type::log_append_time});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_EQ(result->header.time(), timestamp_type::log_append_time);
    EXPECT_EQ(result->header.max_timestamp, now);
    EXPECT_EQ(result->header.compression(), compression);
    EXPECT_TRUE(crc_matches(result->bytes));
    EXPECT_EQ(result->header, validated_batch::trusted(result->bytes.share()).header);
    EXPECT_EQ(records_of(*result),
              (std::vector<std::string>{"key 0=value 0@0", "key 1=value 1@1", "key 2=value 2@2"}));
  }
}

TEST_F(batch_rewriter_test, stamps_log_append_time_as_kafka_does) {
  auto bytes = from_hex(vectors::log_append_time);
  auto stored = batches_in(bytes).front();
  batch_builder builder;
  builder.add(1'700'000'000'000, "k", "log append time");
  auto sent = validated_batch::trusted(in_one(builder.finish().bytes()));
  decompressor inflate;
  auto rewritten = machine_.run(
      0, rewrite(std::move(sent), {.log_append_time = stored.header.max_timestamp}, inflate, MiB));
  ASSERT_TRUE(rewritten);
  auto result = bytes_of(rewritten->bytes);
  stamp(result.data(), stored.header.base, stored.header.leader_epoch);
  EXPECT_EQ(to_hex(result), vectors::log_append_time);
}

TEST_F(batch_rewriter_test, a_wrong_max_timestamp_is_corrected) {
  auto batch = sample_batch(3, {}, now);
  store_be(batch.data() + batch_layout::max_timestamp, std::int64_t{42});
  fix_crc({batch.data(), batch.size()});
  auto result = validate(batch, {});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->header.max_timestamp, now + 20);
  EXPECT_TRUE(crc_matches(result->bytes));
}

TEST_F(batch_rewriter_test, damage_is_not_sealed_under_a_new_crc) {
  auto batch = sample_batch(3, {}, now);
  batch.data()[batch.size() - 2] ^= std::byte{1};
  auto result = validate(batch, {.time = timestamp_type::log_append_time});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, errc::corrupt_batch);
}

TEST_F(batch_rewriter_test, recompresses_every_codec_to_every_other) {
  for (auto from : all_codecs) {
    for (auto to : all_codecs) {
      auto batch = sample_batch(
          200, {.compression = from, .producer = {7}, .producer_epoch = 1, .base_sequence = 40});
      auto result = validate(batch, {.recompress_to = static_cast<std::int8_t>(to)});
      ASSERT_TRUE(result) << result.error().message;
      EXPECT_EQ(result->header.compression(), to);
      EXPECT_EQ(result->header.base_sequence, 40);
      EXPECT_EQ(result->header.producer, producer_id{7});
      EXPECT_TRUE(crc_matches(result->bytes));
      auto texts = records_of(*result);
      ASSERT_EQ(texts.size(), 200U);
      EXPECT_EQ(texts[199], "key 199=value 199@199");
    }
  }
}

TEST_F(batch_rewriter_test, refuses_what_recompression_makes_too_large) {
  batch_builder builder{{.compression = codec::zstd}};
  builder.add(now, "k", std::string(100'000, 'x'));
  auto result = validate(builder.finish(), {.max_message_bytes = 10'000, .recompress_to = 0});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, errc::batch_too_large);
}

TEST_F(batch_rewriter_test, gaps_in_offsets_are_closed) {
  for (auto compression : all_codecs) {
    std::vector<std::byte> records;
    for (std::int32_t delta : {5, 9, 2}) {
      record entry{.offset_delta = delta, .key = "k", .value = "v"};
      auto begin = records.size();
      records.resize(begin + encoded_size(entry));
      encode(entry, records.data() + begin);
    }
    std::vector<std::byte> bytes(batch_layout::header_bytes);
    compressor deflate;
    deflate.start(compression, bytes);
    deflate.write(records);
    deflate.finish();
    batch_header header{.length = static_cast<std::int32_t>(bytes.size() - 12),
                        .attributes = static_cast<std::int16_t>(compression),
                        .last_offset_delta = 2,
                        .base_timestamp = now,
                        .max_timestamp = now,
                        .record_count = 3};
    header.encode(bytes.data());
    fix_crc(bytes);
    auto result = validate(buffer::copy_of(bytes), {});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_TRUE(crc_matches(result->bytes));
    EXPECT_EQ(records_of(*result), (std::vector<std::string>{"k=v@0", "k=v@1", "k=v@2"}));
  }
}

TEST_F(batch_rewriter_test, time_is_found_inside_every_codec) {
  for (auto compression : all_codecs) {
    auto batch = sample_batch(5000, {.compression = compression}, now);
    stamp(batch.data(), offset{1000}, leader_epoch{4});
    auto chain = in_pieces(batch.bytes(), 333);
    auto find = [&](wall_ms at) {
      auto found = machine_.run(0, find_by_time(validator_.decompressors(), chain, at));
      EXPECT_TRUE(found) << name(compression);
      return *found;
    };
    EXPECT_EQ(find(0)->at, offset{1000});
    EXPECT_EQ(find(now)->at, offset{1000});
    EXPECT_EQ(find(now + 1)->at, offset{1001});
    EXPECT_EQ(find(now + 10 * 4321)->at, offset{5321});
    EXPECT_EQ(find(now + 10 * 4321)->timestamp, now + 10 * 4321);
    EXPECT_EQ(find(now + 10 * 4321)->epoch, leader_epoch{4});
    EXPECT_EQ(find(now + 49'990)->at, offset{5999});
    EXPECT_FALSE(find(now + 49'991));
  }
}

TEST_F(batch_rewriter_test, log_append_time_is_the_time_of_every_record) {
  auto bytes = from_hex(vectors::log_append_time);
  auto time = batches_in(bytes).front().header.max_timestamp;
  auto chain = in_one(bytes);
  auto found = machine_.run(0, find_by_time(validator_.decompressors(), chain, time));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->at, offset{0});
  EXPECT_EQ((*found)->timestamp, time);
  found = machine_.run(0, find_by_time(validator_.decompressors(), chain, time + 1));
  EXPECT_TRUE(found && !*found);
}

}  // namespace
}  // namespace karst::log
