#include "log/producer_state.h"

#include <gtest/gtest.h>

#include <limits>

#include "log/limits.h"
#include "tests/log/batches.h"
#include "tests/log/kafka_vectors.h"

namespace karst::log {
namespace {

constexpr auto largest_sequence = std::numeric_limits<std::int32_t>::max();

batch_header batch_of(std::int64_t producer, std::int16_t epoch, std::int32_t sequence,
                      std::int32_t records, wall_ms timestamp = 1000) {
  return {.last_offset_delta = records - 1,
          .max_timestamp = timestamp,
          .producer = {producer},
          .producer_epoch = epoch,
          .base_sequence = sequence,
          .record_count = records};
}

// What a log does with a client's batch: "offset", "again offset", or the error.
struct appender {
  producer_state state;
  offset end{0};

  std::string append(batch_header const& batch, wall_ms now = 1000) {
    auto verdict = state.check(batch);
    if (!verdict) return std::string{describe(verdict.error())};
    if (verdict->duplicate_of) {
      return fmt::format("again {}", verdict->duplicate_of->first().value);
    }
    auto first = end;
    state.update(batch, first, now);
    end = end + batch.record_count;
    return fmt::format("{}", first.value);
  }
};

auto const out_of_order = std::string{describe(errc::out_of_order_sequence)};
auto const fenced = std::string{describe(errc::invalid_producer_epoch)};

TEST(producer_state, sequences_go_on_without_gaps) {
  appender log;
  EXPECT_EQ(log.append(batch_of(1, 0, 0, 5)), "0");
  EXPECT_EQ(log.append(batch_of(1, 0, 5, 1)), "5");
  EXPECT_EQ(log.append(batch_of(1, 0, 7, 1)), out_of_order);
  EXPECT_EQ(log.append(batch_of(1, 0, 6, 1)), "6");
}

TEST(producer_state, each_of_the_last_five_is_answered_with_its_own_offset) {
  appender log;
  for (int i = 0; i < 7; ++i) log.append(batch_of(1, 0, 3 * i, 3));
  EXPECT_EQ(log.append(batch_of(1, 0, 3, 3)), out_of_order) << "forgotten: it is the sixth";
  for (int i = 2; i < 7; ++i) {
    EXPECT_EQ(log.append(batch_of(1, 0, 3 * i, 3)), fmt::format("again {}", 3 * i));
  }
  EXPECT_EQ(log.append(batch_of(1, 0, 18, 2)), out_of_order) << "same first, other last sequence";
  EXPECT_EQ(log.append(batch_of(1, 0, 21, 3)), "21");
}

TEST(producer_state, sequences_wrap) {
  appender log;
  EXPECT_EQ(log.append(batch_of(1, 0, largest_sequence - 1, 4)), "0");  // ..., largest, 0, 1
  EXPECT_EQ(log.append(batch_of(1, 0, largest_sequence - 1, 4)), "again 0");
  EXPECT_EQ(log.append(batch_of(1, 0, 2, 1)), "4");
  appender exact;
  EXPECT_EQ(exact.append(batch_of(1, 0, largest_sequence, 1)), "0");
  EXPECT_EQ(exact.append(batch_of(1, 0, 0, 1)), "1");
}

TEST(producer_state, epochs_fence_and_begin_at_zero) {
  appender log;
  EXPECT_EQ(log.append(batch_of(1, 3, 0, 2)), "0");
  EXPECT_EQ(log.append(batch_of(1, 2, 2, 1)), fenced);
  EXPECT_EQ(log.append(batch_of(1, 2, 0, 2)), fenced) << "not a retry: the epoch differs";
  EXPECT_EQ(log.append(batch_of(1, 4, 2, 1)), out_of_order);
  EXPECT_EQ(log.append(batch_of(1, 4, 0, 1)), "2");
  EXPECT_EQ(log.append(batch_of(1, 3, 0, 2)), fenced);
  EXPECT_EQ(log.append(batch_of(1, 4, 1, 1)), "3");
}

TEST(producer_state, an_unknown_producer_may_begin_anywhere) {
  appender log;
  EXPECT_EQ(log.append(batch_of(1, 5, 700, 2)), "0");
  EXPECT_EQ(log.append(batch_of(1, 5, 702, 2)), "2");
}

TEST(producer_state, producers_do_not_see_each_other) {
  appender log;
  EXPECT_EQ(log.append(batch_of(1, 0, 0, 1)), "0");
  EXPECT_EQ(log.append(batch_of(2, 0, 0, 1)), "1");
  EXPECT_EQ(log.append(batch_of(1, 0, 1, 1)), "2");
  EXPECT_EQ(log.append(batch_of(2, 0, 0, 1)), "again 1");
}

TEST(producer_state, batches_without_a_producer_leave_no_trace) {
  producer_state state;
  state.update(batch_header{.record_count = 1}, offset{0}, 0);
  EXPECT_EQ(state.size(), 0U);
}

TEST(producer_state, silence_expires) {
  appender log;
  log.append(batch_of(1, 0, 0, 1), 1000);
  log.append(batch_of(2, 0, 0, 1), 1500);
  log.state.expire(1999, 1000);
  EXPECT_EQ(log.state.size(), 2U);
  log.state.expire(2000, 1000);
  EXPECT_EQ(log.state.size(), 1U);
  EXPECT_EQ(log.append(batch_of(1, 0, 9, 1)), "2");
  EXPECT_EQ(log.append(batch_of(2, 0, 9, 1)), out_of_order);
}

TEST(producer_state, beyond_the_limit_the_longest_silent_is_forgotten) {
  producer_state state;
  auto count = static_cast<std::int64_t>(limit::producers_per_log);
  for (std::int64_t id = 0; id < count; ++id) {
    state.update(batch_of(id, 0, 0, 1), offset{id}, id == 77 ? 0 : 1000 + id);
  }
  state.update(batch_of(count, 0, 0, 1), offset{count}, 1);
  EXPECT_EQ(state.size(), limit::producers_per_log);
  EXPECT_EQ(state.find({77}), nullptr);
  EXPECT_NE(state.find({count}), nullptr);
}

TEST(producer_state, truncation_forgets_what_was_cut) {
  appender log;
  for (int i = 0; i < 4; ++i) log.append(batch_of(1, 0, i, 1));
  log.append(batch_of(2, 0, 0, 1));
  log.state.truncate(offset{2});
  log.end = offset{2};
  EXPECT_EQ(log.state.find({2}), nullptr);
  EXPECT_EQ(log.append(batch_of(1, 0, 1, 1)), "again 1");
  EXPECT_EQ(log.append(batch_of(1, 0, 2, 1)), "2");
}

TEST(producer_state, the_journal_form_keeps_all_five_batches) {
  appender log;
  for (int i = 0; i < 9; ++i) log.append(batch_of(1, 0, i, 1, 5000 + i), 7000 + i);
  log.append(batch_of(-5 + 10, 3, largest_sequence, 4));
  std::vector<std::byte> bytes(3);
  log.state.encode(bytes);
  EXPECT_EQ(bytes.size(), 3 + log.state.encoded_size());
  appender recovered{.end = log.end};
  ASSERT_TRUE(recovered.state.decode(std::span{bytes}.subspan(3)));
  EXPECT_EQ(*recovered.state.find({1}), *log.state.find({1}));
  EXPECT_EQ(*recovered.state.find({5}), *log.state.find({5}));
  for (int i = 4; i < 9; ++i) {
    EXPECT_EQ(recovered.append(batch_of(1, 0, i, 1)), fmt::format("again {}", i));
  }
  EXPECT_EQ(recovered.append(batch_of(5, 3, largest_sequence, 4)), "again 9");
  for (std::size_t size = 3; size < bytes.size(); ++size) {
    EXPECT_FALSE(recovered.state.decode(std::span{bytes}.subspan(3, size - 3)));
    EXPECT_EQ(recovered.state.size(), 0U);
  }
}

TEST(producer_state, the_largest_state_fits_a_journal_group) {
  producer_state state;
  for (std::int64_t id = 0; id < static_cast<std::int64_t>(limit::producers_per_log); ++id) {
    for (int i = 0; i < 5; ++i) state.update(batch_of(id, 0, i, 1), offset{5 * id + i}, 0);
  }
  constexpr auto group = 512 * KiB;
  EXPECT_LT(state.encoded_size() + limit::epochs_per_log * 12 + block_size, group);
}

TEST(producer_state, reads_and_writes_kafkas_snapshot) {
  auto bytes = from_hex(vectors::producer_snapshot);
  producer_state state;
  ASSERT_TRUE(state.decode_snapshot(bytes));
  ASSERT_EQ(state.size(), 1U);
  auto const& entry = *state.find({0});
  EXPECT_EQ(entry.epoch, 0);
  EXPECT_EQ(entry.last_sequence(), 5);
  EXPECT_EQ(entry.newest()->first(), offset{3});
  EXPECT_EQ(entry.newest()->last, offset{5});
  EXPECT_EQ(entry.newest()->timestamp, 1'700'000'001'014);
  EXPECT_EQ(to_hex(state.encode_snapshot()), vectors::producer_snapshot);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bytes[at] ^= std::byte{1};
    EXPECT_FALSE(state.decode_snapshot(bytes)) << at;
    EXPECT_EQ(state.size(), 0U);
    bytes[at] ^= std::byte{1};
  }
}

}  // namespace
}  // namespace karst::log
