#include "log/batch_validator.h"

#include <gtest/gtest.h>

#include <limits>

#include "log/batch_search.h"
#include "log/limits.h"
#include "tests/log/batches.h"
#include "tests/log/kafka_vectors.h"
#include "tests/sim/sim_machine.h"

namespace karst::log {
namespace {

constexpr wall_ms now = 1'700'000'000'000;
constexpr codec all_codecs[] = {codec::none, codec::gzip, codec::snappy, codec::lz4, codec::zstd};

// Runs validate() on a simulated core; and where validate_now() applies, sees that it says the
// same.
class batch_validator_test : public ::testing::Test {
 protected:
  batch_validator::result validate(std::span<std::byte const> bytes, validation_rules rules = {},
                                   std::size_t piece = 1 << 20) {
    if (rules.now == 0) rules.now = now;
    auto chain = in_pieces(bytes, piece);
    auto slow = machine_.run(0, validator_.validate(chain.share(), rules));
    if (batch_validator::quick(chain, rules)) {
      auto quick = validator_.validate_now(chain, rules);
      if (quick) {
        EXPECT_EQ(quick->has_value(), slow.has_value());
        if (!*quick && !slow) {
          EXPECT_EQ(quick->error().code, slow.error().code);
        }
      }
    }
    return slow;
  }
  errc code_of(std::span<std::byte const> bytes, validation_rules rules = {}) {
    auto result = validate(bytes, rules);
    if (!result) EXPECT_FALSE(result.error().message.empty());
    return result ? errc::closed : result.error().code;
  }

  sim::world world_{{}};
  sim::machine machine_{world_, 1};
  batch_validator validator_;
};

// A sample batch whose header a test changes; the CRC is made right again.
std::vector<std::byte> changed(std::function<void(batch_header&)> const& change,
                               batch_options options = {}) {
  auto batch = sample_batch(3, options);
  std::vector<std::byte> bytes{batch.bytes().begin(), batch.bytes().end()};
  auto header = batch_header::decode(bytes.data());
  change(header);
  header.encode(bytes.data());
  fix_crc(bytes);
  return bytes;
}

TEST_F(batch_validator_test, takes_what_java_and_kcat_sent) {
  for (auto hex : {vectors::java_none, vectors::java_gzip, vectors::java_snappy, vectors::java_lz4,
                   vectors::java_zstd, vectors::kcat_gzip, vectors::kcat_snappy, vectors::kcat_lz4,
                   vectors::kcat_zstd}) {
    auto bytes = from_hex(hex);
    for (auto const& batch : batches_in(bytes)) {
      std::vector<std::byte> sent{batch.bytes.begin(), batch.bytes.end()};
      stamp(sent.data(), offset{0}, leader_epoch{-1});
      for (std::size_t piece : {sent.size(), std::size_t{17}, std::size_t{1}}) {
        auto result = validate(sent, {}, piece);
        ASSERT_TRUE(result) << result.error().message;
        EXPECT_EQ(result->header.record_count, batch.header.record_count);
        EXPECT_EQ(to_hex(bytes_of(result->bytes)), to_hex(sent)) << "nothing was to be rewritten";
      }
    }
  }
}

TEST_F(batch_validator_test, refuses_bad_framing) {
  auto batch = sample_batch(3);
  auto whole = batch.bytes();
  EXPECT_EQ(code_of({}), errc::invalid_record);
  for (std::size_t size : {1UZ, 16UZ, 17UZ, 60UZ, 61UZ, whole.size() - 1}) {
    EXPECT_EQ(code_of(whole.first(size)), errc::corrupt_batch) << size;
  }
  std::vector<std::byte> two{whole.begin(), whole.end()};
  two.insert(two.end(), whole.begin(), whole.end());
  EXPECT_EQ(code_of(two), errc::corrupt_batch);
  for (std::int32_t length : {-1, 0, 48, std::numeric_limits<std::int32_t>::max(),
                              std::numeric_limits<std::int32_t>::min()}) {
    EXPECT_EQ(code_of(changed([&](auto& header) { header.length = length; })), errc::corrupt_batch);
  }
}

TEST_F(batch_validator_test, refuses_other_formats) {
  for (std::int8_t magic : {0, 1}) {
    EXPECT_EQ(code_of(changed([&](auto& header) { header.magic = magic; })),
              errc::unsupported_magic);
  }
  for (std::int8_t magic : {-1, 3, 127}) {
    EXPECT_EQ(code_of(changed([&](auto& header) { header.magic = magic; })), errc::corrupt_batch);
  }
}

TEST_F(batch_validator_test, refuses_attributes_that_clients_may_not_set) {
  auto with = [&](std::int16_t bits) {
    return code_of(changed([&](auto& header) { header.attributes |= bits; }));
  };
  EXPECT_EQ(with(5), errc::unsupported_compression);
  EXPECT_EQ(with(7), errc::unsupported_compression);
  EXPECT_EQ(with(batch_attributes::control), errc::invalid_record);
  EXPECT_EQ(with(batch_attributes::delete_horizon), errc::invalid_record);
  EXPECT_EQ(with(batch_attributes::log_append_time), errc::invalid_timestamp);
  EXPECT_EQ(with(batch_attributes::transactional), errc::invalid_transaction_state);
  auto transactional =
      changed([](auto& header) { header.attributes |= batch_attributes::transactional; });
  EXPECT_TRUE(validate(transactional, {.transactional_allowed = true}));
}

TEST_F(batch_validator_test, zstd_needs_a_new_request) {
  auto batch = sample_batch(3, {.compression = codec::zstd});
  EXPECT_EQ(code_of(batch.bytes(), {.zstd_allowed = false}), errc::unsupported_compression);
  EXPECT_TRUE(validate(batch.bytes()));
}

TEST_F(batch_validator_test, refuses_wrong_counts) {
  for (auto compression : all_codecs) {
    batch_options options{.compression = compression};
    auto counted = [&](std::int32_t count, std::int32_t last_delta) {
      return code_of(changed(
          [&](auto& header) {
            header.record_count = count;
            header.last_offset_delta = last_delta;
          },
          options));
    };
    EXPECT_EQ(counted(3, 2), errc::closed) << "accepted";
    EXPECT_EQ(counted(3, 3), errc::invalid_record);
    EXPECT_EQ(counted(3, -1), errc::invalid_record);
    EXPECT_EQ(counted(0, -1), errc::invalid_record);
    EXPECT_EQ(counted(-1, -2), errc::invalid_record);
    EXPECT_EQ(counted(2, 1), errc::invalid_record) << "a record too many";
    EXPECT_EQ(counted(4, 3), errc::invalid_record) << "a record too few";
    EXPECT_EQ(counted(std::numeric_limits<std::int32_t>::max(),
                      std::numeric_limits<std::int32_t>::max() - 1),
              errc::invalid_record);
  }
}

TEST_F(batch_validator_test, names_the_record_that_is_missing) {
  auto result = validate(changed([](auto& header) {
    header.record_count = 5;
    header.last_offset_delta = 4;
  }));
  ASSERT_FALSE(result);
  ASSERT_EQ(result.error().records.size(), 1U);
  EXPECT_EQ(result.error().records[0].index, 3);
}

TEST_F(batch_validator_test, refuses_a_producer_without_sequence_and_a_base_offset) {
  EXPECT_EQ(code_of(changed([](auto& header) { header.producer = {5}; })), errc::invalid_record);
  EXPECT_EQ(code_of(changed([](auto& header) {
              header.producer = {5};
              header.base_sequence = 0;
            })),
            errc::invalid_record);
  EXPECT_EQ(code_of(changed([](auto& header) {
              header.producer = {5};
              header.producer_epoch = 0;
              header.base_sequence = 0;
            })),
            errc::closed);
  EXPECT_EQ(code_of(changed([](auto& header) { header.base = offset{1}; })), errc::invalid_record);
}

TEST_F(batch_validator_test, too_large_names_limit_and_size) {
  auto batch = sample_batch(3);
  auto limit = static_cast<std::int64_t>(batch.size()) - 1;
  auto result = validate(batch.bytes(), {.max_message_bytes = limit});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, errc::batch_too_large);
  EXPECT_NE(result.error().message.find(std::to_string(limit)), std::string::npos);
  EXPECT_NE(result.error().message.find(std::to_string(batch.size())), std::string::npos);
  EXPECT_TRUE(validate(batch.bytes(), {.max_message_bytes = limit + 1}));
}

TEST_F(batch_validator_test, damage_is_blamed_before_anything_else) {
  auto batch = sample_batch(3);
  std::vector<std::byte> bytes{batch.bytes().begin(), batch.bytes().end()};
  // The count is wrong because the bytes were damaged: the CRC says so.
  bytes[batch_layout::record_count + 3] ^= std::byte{4};
  EXPECT_EQ(code_of(bytes), errc::corrupt_batch);
}

TEST_F(batch_validator_test, timestamps_outside_the_window_are_listed_by_record) {
  batch_builder builder;
  builder.add(now, "a", "in time");
  builder.add(now - 3001, "b", "too old");
  builder.add(now + 2001, "c", "from the future");
  builder.add(-1, "d", "none");
  auto batch = builder.finish();
  validation_rules rules{.timestamp_before_max_ms = 3000, .timestamp_after_max_ms = 2000};
  auto result = validate(batch.bytes(), rules);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, errc::invalid_timestamp);
  ASSERT_EQ(result.error().records.size(), 2U);
  EXPECT_EQ(result.error().records[0].index, 1);
  EXPECT_EQ(result.error().records[1].index, 2);
  rules.time = timestamp_type::log_append_time;
  EXPECT_TRUE(validate(batch.bytes(), rules)) << "the broker's time replaces them";
}

TEST_F(batch_validator_test, lists_a_bounded_number_of_records) {
  auto batch = sample_batch(1000, {}, 1000);
  auto result = validate(batch.bytes(), {.timestamp_before_max_ms = 1000});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().records.size(), limit::record_errors);
}

TEST_F(batch_validator_test, compacted_topics_need_keys) {
  batch_builder builder;
  builder.add(now, "a", "1");
  builder.add(now, std::nullopt, "2");
  auto batch = builder.finish();
  auto result = validate(batch.bytes(), {.keys_required = true});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, errc::invalid_record);
  ASSERT_EQ(result.error().records.size(), 1U);
  EXPECT_EQ(result.error().records[0].index, 1);
}

TEST_F(batch_validator_test, one_wrong_timestamp_names_the_whole_and_a_record_is_blamed_once) {
  batch_builder builder;
  builder.add(now - 9000, std::nullopt, "neither key nor time");
  builder.add(now - 9000, "a", "too old");
  builder.add(now, std::nullopt, "no key");
  auto batch = builder.finish();
  auto result = validate(batch.bytes(), {.timestamp_before_max_ms = 3000, .keys_required = true});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, errc::invalid_timestamp);
  EXPECT_EQ(result.error().records.size(), 3U);
}

TEST_F(batch_validator_test, bombs_are_refused) {
  std::string zeros(20'000'000, '\0');
  for (auto compression : {codec::gzip, codec::snappy, codec::lz4, codec::zstd}) {
    batch_builder builder{{.compression = compression}};
    builder.add(now, "k", zeros);
    auto bomb = builder.finish();
    // max.message.bytes admits the compressed batch; 16 MiB of output are allowed at least.
    validation_rules rules{.max_message_bytes = static_cast<std::int64_t>(bomb.size())};
    auto allowed = bomb.size() * limit::inflate_factor > zeros.size() + 100;
    auto result = validate(bomb.bytes(), rules);
    EXPECT_EQ(result.has_value(), allowed) << name(compression);
    if (!allowed) EXPECT_EQ(result.error().code, errc::batch_too_large) << name(compression);
  }
}

TEST_F(batch_validator_test, records_longer_than_every_slice_are_checked) {
  std::string key(100'000, 'k');
  std::string value(300'000, 'v');
  for (auto compression : all_codecs) {
    batch_builder builder{{.compression = compression}};
    builder.add(now, key, value, {{key, value}, {"h", std::nullopt}, {"", ""}});
    builder.add(now + 5, std::nullopt, std::nullopt);
    builder.add(now + 1, "", "", {{"", std::nullopt}});
    auto batch = builder.finish();
    for (std::size_t piece : {std::size_t{1} << 20, std::size_t{4096}, std::size_t{3}}) {
      auto result = validate(batch.bytes(), {.max_message_bytes = 1 << 21}, piece);
      EXPECT_TRUE(result) << name(compression) << " " << piece << " " << result.error().message;
    }
  }
}

TEST_F(batch_validator_test, every_changed_byte_is_refused_or_harmless) {
  batch_builder builder;
  builder.add(now, "key", "value", {{"h", "x"}, {"n", std::nullopt}});
  builder.add(now, "key2", std::string(200, 'v'));
  auto batch = builder.finish();
  for (auto at = batch_layout::records; at < batch.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<std::byte> bytes{batch.bytes().begin(), batch.bytes().end()};
      bytes[at] ^= std::byte{1} << bit;
      fix_crc(bytes);
      // Whatever is said, it is the same in one piece and in pieces of one byte, and when it is
      // accepted all records can be read.
      auto whole = validate(bytes);
      auto split = validate(bytes, {}, 1);
      ASSERT_EQ(whole.has_value(), split.has_value()) << at << " " << bit;
      record_cursor cursor{std::span{bytes}.subspan(batch_layout::records), 2};
      while (cursor.next() != nullptr) {
      }
      EXPECT_EQ(whole.has_value(), !cursor.failed()) << at << " " << bit;
    }
  }
}

}  // namespace
}  // namespace karst::log
