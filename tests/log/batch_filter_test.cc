#include "log/batch_filter.h"

#include <gtest/gtest.h>

#include "tests/log/batches.h"
#include "tests/sim/sim_random.h"

namespace karst::log {
namespace {

constexpr wall_ms now = 1'700'000'000'000;
constexpr codec all_codecs[] = {codec::none, codec::gzip, codec::snappy, codec::lz4, codec::zstd};

struct entry {
  std::optional<std::string> key;
  std::optional<std::string> value;
  wall_ms time = now;
};

class batch_filter_test : public ::testing::Test {
 protected:
  static buffer make(std::vector<entry> const& records, batch_options options = {}) {
    batch_builder builder{options};
    for (auto const& one : records) {
      builder.add(one.time, one.key, one.value, {{"header", "of it"}});
    }
    auto batch = builder.finish();
    stamp(batch.data(), options.base, leader_epoch{5});
    return batch;
  }
  // The newest offset of a key, as if the map had been built over everything up to `latest`.
  void newest(std::string_view key, std::int64_t at) {
    ASSERT_TRUE(map_.put(std::as_bytes(std::span{key}), {at}));
  }
  void seen_to(std::int64_t latest) { map_.looked_at({latest}); }

  filter_verdict run(std::span<std::byte const> batch, bool keep_when_empty = false,
                     std::size_t piece = 97) {
    auto chain = in_pieces(batch, piece);
    auto header = batch_header::decode(batch.data());
    filter_.start(chain, header, rules_, keep_when_empty);
    while (true) {
      auto verdict = filter_.step();
      if (!verdict) {
        error_ = verdict.error();
        return filter_verdict::more;
      }
      if (*verdict != filter_verdict::more) return *verdict;
    }
  }
  // The records of a batch as "offset:key=value@timestamp".
  static std::vector<std::string> records_of(std::span<std::byte const> batch) {
    auto header = batch_header::decode(batch.data());
    EXPECT_TRUE(crc_matches(batch));
    auto chain = in_one(batch);
    auto records = decompress(header.compression(), chain, batch_layout::records,
                              chain.size() - batch_layout::records, 64 * MiB);
    EXPECT_TRUE(records);
    record_cursor cursor{records->bytes(), header.record_count};
    std::vector<std::string> texts;
    while (auto const* next = cursor.next()) {
      EXPECT_EQ(next->headers.size(), 1U);
      auto time = header.time() == timestamp_type::create_time
                      ? header.base_timestamp + next->timestamp_delta
                      : header.max_timestamp;
      texts.push_back(fmt::format("{}:{}={}@{}", header.base.value + next->offset_delta,
                                  next->key.value_or("-"), next->value.value_or("-"), time - now));
    }
    EXPECT_FALSE(cursor.failed());
    return texts;
  }

  compaction_map map_{1000, MiB, 7};
  filter_rules rules_{.map = &map_, .now = now, .delete_retention_ms = 1000};
  decompressor inflate_;
  batch_filter filter_{inflate_};
  errc error_{};
};

TEST_F(batch_filter_test, batch_of_newest_records_stays_as_it_is) {
  auto batch = make({{"a", "1"}, {"b", "2"}}, {.base = {10}});
  newest("a", 10);
  newest("b", 11);
  seen_to(20);
  EXPECT_EQ(run(batch.bytes()), filter_verdict::keep);
  EXPECT_EQ(filter_.counts().records, 2U);
  EXPECT_EQ(filter_.counts().kept, 2U);
}

TEST_F(batch_filter_test, only_the_newest_record_of_a_key_stays) {
  newest("a", 12);
  newest("b", 30);
  newest("c", 13);
  seen_to(40);
  for (auto compression : all_codecs) {
    auto batch = make(
        {{"a", "old", now + 1}, {"b", "x", now + 9}, {"a", "new", now + 2}, {"c", "", now + 3}},
        {.compression = compression,
         .base = {10},
         .producer = {77},
         .producer_epoch = 3,
         .base_sequence = 5});
    auto before = batch_header::decode(batch.data());
    ASSERT_EQ(run(batch.bytes()), filter_verdict::rewrite) << name(compression);
    EXPECT_EQ(records_of(filter_.result()), (std::vector<std::string>{"12:a=new@2", "13:c=@3"}));
    auto after = batch_header::decode(filter_.result().data());
    EXPECT_EQ(after, filter_.result_header());
    EXPECT_EQ(after.size_bytes(), filter_.result().size());
    // What followers, consumers and the producer's retries rely on.
    EXPECT_EQ(after.base, offset{10});
    EXPECT_EQ(after.last(), offset{13});
    EXPECT_EQ(after.leader_epoch, leader_epoch{5});
    EXPECT_EQ(after.producer, producer_id{77});
    EXPECT_EQ(after.producer_epoch, 3);
    EXPECT_EQ(after.base_sequence, 5);
    EXPECT_EQ(after.last_sequence(), before.last_sequence());
    EXPECT_EQ(after.attributes, before.attributes);
    EXPECT_EQ(after.record_count, 2);
    // As Kafka's builder: of the records that stay.
    EXPECT_EQ(after.base_timestamp, now + 2);
    EXPECT_EQ(after.max_timestamp, now + 3);
  }
}

TEST_F(batch_filter_test, batch_without_newest_records_goes) {
  newest("a", 50);
  seen_to(60);
  EXPECT_EQ(run(make({{"a", "1"}, {"a", "2"}}, {.base = {10}}).bytes()), filter_verdict::drop);
}

TEST_F(batch_filter_test, what_the_map_has_not_seen_stays) {
  newest("a", 11);
  seen_to(11);
  auto batch =
      make({{"a", "old"}, {"a", "new"}, {"b", "later"}, {std::nullopt, "no key"}}, {.base = {10}});
  ASSERT_EQ(run(batch.bytes()), filter_verdict::rewrite);
  EXPECT_EQ(records_of(filter_.result()),
            (std::vector<std::string>{"11:a=new@0", "12:b=later@0", "13:-=no key@0"}));
}

TEST_F(batch_filter_test, key_that_the_map_does_not_have_stays) {
  seen_to(100);
  EXPECT_EQ(run(make({{"clean part", "1"}}, {.base = {3}}).bytes()), filter_verdict::keep);
}

TEST_F(batch_filter_test, record_without_key_goes_and_is_counted) {
  newest("a", 10);
  seen_to(20);
  auto batch =
      make({{"a", "1"}, {std::nullopt, "2"}, {std::nullopt, std::nullopt}}, {.base = {10}});
  ASSERT_EQ(run(batch.bytes()), filter_verdict::rewrite);
  EXPECT_EQ(records_of(filter_.result()), (std::vector<std::string>{"10:a=1@0"}));
  EXPECT_EQ(filter_.counts().without_key, 2U);
}

TEST_F(batch_filter_test, tombstone_gets_a_horizon_and_goes_when_it_has_passed) {
  newest("a", 10);
  newest("b", 11);
  seen_to(20);
  for (auto compression : all_codecs) {
    auto batch = make({{"a", std::nullopt, now - 7}, {"b", "1", now - 5}},
                      {.compression = compression, .base = {10}});
    rules_.now = now;
    ASSERT_EQ(run(batch.bytes()), filter_verdict::rewrite);
    std::vector<std::byte> stamped{filter_.result().begin(), filter_.result().end()};
    auto header = batch_header::decode(stamped.data());
    EXPECT_EQ(header.attributes, static_cast<int>(compression) | batch_attributes::delete_horizon);
    EXPECT_EQ(header.base_timestamp, now + 1000);
    EXPECT_EQ(header.max_timestamp, now - 5);
    EXPECT_EQ(records_of(stamped), (std::vector<std::string>{"10:a=-@-7", "11:b=1@-5"}));
    // Until then nothing changes.
    rules_.now = now + 999;
    EXPECT_EQ(run(stamped), filter_verdict::keep);
    rules_.now = now + 1000;
    ASSERT_EQ(run(stamped), filter_verdict::rewrite);
    EXPECT_EQ(records_of(filter_.result()), (std::vector<std::string>{"11:b=1@-5"}));
    EXPECT_EQ(filter_.result_header().base_timestamp, now + 1000);  // as Kafka leaves it
  }
}

TEST_F(batch_filter_test, tombstone_beyond_the_map_gets_a_horizon_too) {
  seen_to(9);
  auto batch = make({{"a", std::nullopt}}, {.base = {10}});
  ASSERT_EQ(run(batch.bytes()), filter_verdict::rewrite);
  EXPECT_EQ(filter_.result_header().base_timestamp, now + 1000);
}

TEST_F(batch_filter_test, older_tombstone_goes_at_once) {
  newest("a", 12);
  seen_to(20);
  EXPECT_EQ(run(make({{"a", std::nullopt}}, {.base = {10}}).bytes()), filter_verdict::drop);
}

TEST_F(batch_filter_test, endless_delete_retention_keeps_tombstones) {
  newest("a", 10);
  seen_to(20);
  rules_.delete_retention_ms = std::numeric_limits<std::int64_t>::max();
  auto batch = make({{"a", std::nullopt, now - 3}}, {.base = {10}});
  ASSERT_EQ(run(batch.bytes()), filter_verdict::rewrite);
  std::vector<std::byte> stamped{filter_.result().begin(), filter_.result().end()};
  EXPECT_EQ(records_of(stamped), (std::vector<std::string>{"10:a=-@-3"}));
  EXPECT_EQ(run(stamped), filter_verdict::keep);
}

TEST_F(batch_filter_test, empty_batch_stays_for_a_live_producer) {
  newest("a", 50);
  seen_to(60);
  auto batch = make({{"a", "1"}, {"a", "2"}}, {.compression = codec::lz4,
                                               .base = {10},
                                               .producer = {7},
                                               .producer_epoch = 1,
                                               .base_sequence = 40});
  ASSERT_EQ(run(batch.bytes(), true), filter_verdict::rewrite);
  std::vector<std::byte> empty{filter_.result().begin(), filter_.result().end()};
  EXPECT_EQ(empty.size(), batch_layout::header_bytes);
  EXPECT_TRUE(crc_matches(empty));
  auto header = batch_header::decode(empty.data());
  EXPECT_EQ(header.record_count, 0);
  EXPECT_EQ(header.base, offset{10});
  EXPECT_EQ(header.last(), offset{11});
  EXPECT_EQ(header.last_sequence(), 41);
  EXPECT_EQ(header.attributes, 0);
  EXPECT_EQ(header.base_timestamp, -1);
  EXPECT_EQ(header.max_timestamp, now);
  // As long as the producer lives and sends nothing newer.
  EXPECT_EQ(run(empty, true), filter_verdict::keep);
  EXPECT_EQ(run(empty, false), filter_verdict::drop);
}

TEST_F(batch_filter_test, log_append_time_stays_the_time_of_every_record) {
  newest("a", 11);
  newest("b", 12);
  seen_to(20);
  auto batch = make({{"a", "1", now - 100}, {"a", "2", now - 90}, {"b", std::nullopt, now - 80}},
                    {.base = {10}, .time = timestamp_type::log_append_time});
  store_be(batch.data() + batch_layout::max_timestamp, now - 30);
  fix_crc({batch.data(), batch.size()});
  ASSERT_EQ(run(batch.bytes()), filter_verdict::rewrite);
  auto const& header = filter_.result_header();
  EXPECT_EQ(header.time(), timestamp_type::log_append_time);
  EXPECT_EQ(header.max_timestamp, now - 30);
  EXPECT_EQ(header.base_timestamp, now + 1000);
  EXPECT_EQ(records_of(filter_.result()), (std::vector<std::string>{"11:a=2@-30", "12:b=-@-30"}));
}

TEST_F(batch_filter_test, control_and_transactional_batches_stay_whole) {
  newest("a", 50);
  seen_to(60);
  auto control =
      make({{"a", "1"}}, {.base = {10}, .producer = {7}, .transactional = true, .control = true});
  EXPECT_EQ(run(control.bytes()), filter_verdict::keep);
  auto transactional = make({{"a", "1"}}, {.base = {10}, .producer = {7}, .transactional = true});
  EXPECT_EQ(run(transactional.bytes()), filter_verdict::keep);
}

TEST_F(batch_filter_test, records_that_span_slices_are_whole) {
  newest("big", 11);
  newest("small", 12);
  seen_to(20);
  std::string const value(300'000, 'v');
  for (auto compression : all_codecs) {
    auto batch = make({{"big", "old" + value}, {"big", value}, {"small", "s"}},
                      {.compression = compression, .base = {10}});
    for (std::size_t piece : {1'000U, 65'536U, 2'000'000U}) {
      ASSERT_EQ(run(batch.bytes(), false, piece), filter_verdict::rewrite) << name(compression);
      EXPECT_EQ(records_of(filter_.result()),
                (std::vector<std::string>{fmt::format("11:big={}@0", value), "12:small=s@0"}));
    }
  }
}

TEST_F(batch_filter_test, damage_and_wrong_counts_are_errors) {
  seen_to(20);
  auto batch = make({{"a", "1"}, {"b", "2"}}, {.base = {10}});
  std::vector<std::byte> bytes{batch.bytes().begin(), batch.bytes().end()};
  store_be(bytes.data() + batch_layout::record_count, 3);
  EXPECT_EQ(run(bytes), filter_verdict::more);
  EXPECT_EQ(error_, errc::invalid_record);
  store_be(bytes.data() + batch_layout::record_count, 1);
  EXPECT_EQ(run(bytes), filter_verdict::more);
  EXPECT_EQ(error_, errc::invalid_record);
  auto packed = make({{"a", "1"}, {"b", "2"}}, {.compression = codec::gzip, .base = {10}});
  packed.data()[batch_layout::records + 4] ^= std::byte{0xff};
  packed.data()[packed.size() - 6] ^= std::byte{0xff};
  EXPECT_EQ(run(packed.bytes()), filter_verdict::more);
}

// Against the rule itself: a million ways to be dirty, one way to be clean.
TEST_F(batch_filter_test, random_batches_keep_exactly_what_the_rule_says) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    sim::random_source random{seed};
    compaction_map map{1000, MiB, seed};
    std::vector<entry> all;
    std::map<std::string, std::int64_t> last;
    auto const count = 1 + random.below(60);
    auto const seen = static_cast<std::int64_t>(random.below(count + 10));
    for (std::uint64_t i = 0; i < count; ++i) {
      entry one{fmt::format("k{}", random.below(8)), std::string(random.below(400), 'v'),
                now + static_cast<wall_ms>(random.below(50))};
      if (random.percent(20)) one.value.reset();
      if (random.percent(5)) one.key.reset();
      if (one.key && static_cast<std::int64_t>(i) <= seen)
        last[*one.key] = static_cast<std::int64_t>(i);
      all.push_back(std::move(one));
    }
    for (auto const& [key, at] : last) (void)map.put(std::as_bytes(std::span{key}), {at});
    map.looked_at({seen});
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto const at = static_cast<std::int64_t>(i);
      auto const& one = all[i];
      if (at <= seen && (!one.key || last[*one.key] != at)) continue;
      expected.push_back(fmt::format("{}:{}={}@{}", at, one.key.value_or("-"),
                                     one.value.value_or("-"), one.time - now));
    }
    rules_.map = &map;
    auto batch = make(all, {.compression = all_codecs[seed % 5]});
    auto verdict = run(batch.bytes(), false, 1 + random.below(3000));
    if (expected.empty()) {
      ASSERT_EQ(verdict, filter_verdict::drop) << "seed " << seed;
    } else {
      ASSERT_NE(verdict, filter_verdict::drop) << "seed " << seed;
      auto result = verdict == filter_verdict::keep ? batch.bytes() : filter_.result();
      ASSERT_EQ(records_of(result), expected) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace karst::log
