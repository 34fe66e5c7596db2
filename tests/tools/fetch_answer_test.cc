#include "bench/fetch_answer.h"

#include <gtest/gtest.h>

#include "log/batch_builder.h"
#include "net/messages/fetch.h"
#include "net/wire/header.h"

namespace karst::bench {
namespace {

buffer make_batch(std::int64_t base, int records) {
  log::batch_builder builder;
  for (auto i = 0; i < records; ++i) builder.add(0, std::nullopt, "some value");
  auto batch = builder.finish();
  log::stamp(batch.data(), log::offset{base}, log::leader_epoch{0});
  return batch;
}

struct records_of {
  std::int32_t partition;
  std::int16_t error = 0;
  std::vector<buffer> batches;
};

// The whole frame as a broker sends it.
buffer make_answer(std::vector<records_of> partitions) {
  net::fetch_response response;
  auto& topic = response.topics.emplace_back();
  topic.name = "orders";
  for (auto& each : partitions) {
    auto& answer = topic.partitions.emplace_back();
    answer.index = each.partition;
    answer.error = static_cast<net::error_code>(each.error);
    answer.high_watermark = 1000;
    buffer_chain records;
    for (auto& batch : each.batches) records.append(std::move(batch));
    answer.records->pieces.emplace_back(std::move(records));
  }
  auto body = net::join(net::encode(std::move(response), fetch_answer::version));
  auto frame = buffer::allocate(8 + body.size());
  store_be(frame.data(), static_cast<std::int32_t>(4 + body.size()));
  store_be(frame.data() + 4, 7);
  body.copy_to(0, frame.data() + 8, body.size());
  return frame;
}

// In pieces of `step` bytes, as a stream may bring it.
void read(fetch_answer& answer, std::span<std::byte const> frame, std::size_t step) {
  answer.begin();
  while (!frame.empty() && !answer.malformed()) {
    auto piece = frame.first(std::min({step, frame.size(), answer.left()}));
    ASSERT_FALSE(piece.empty());
    answer.feed(piece);
    frame = frame.subspan(piece.size());
  }
}

TEST(fetch_answer, the_same_however_its_bytes_come) {
  std::vector<records_of> partitions(3);
  partitions[0] = {.partition = 4};
  partitions[0].batches.push_back(make_batch(100, 3));
  partitions[0].batches.push_back(make_batch(103, 5));
  partitions[1] = {.partition = 1, .error = 3};
  partitions[2] = {.partition = 2};
  partitions[2].batches.push_back(make_batch(7, 1));
  auto cut = make_batch(8, 2);
  cut.trim_to(cut.size() - 1);
  partitions[2].batches.push_back(std::move(cut));
  auto const frame = make_answer(std::move(partitions));

  fetch_answer answer;
  for (std::size_t step : {1UL, 2UL, 7UL, 60UL, 61UL, 62UL, 100UL, frame.size()}) {
    read(answer, frame.bytes(), step);
    EXPECT_FALSE(answer.malformed()) << step;
    EXPECT_EQ(answer.left(), 0) << step;
    EXPECT_EQ(answer.error(), 0);
    auto const& got = answer.partitions();
    ASSERT_EQ(got.size(), 3);
    EXPECT_EQ(got[0].index, 4);
    EXPECT_EQ(got[0].high_watermark, 1000);
    EXPECT_EQ(got[0].next_offset, 108);
    EXPECT_EQ(got[0].records, 8);
    EXPECT_EQ(got[1].error, 3);
    EXPECT_EQ(got[1].next_offset, -1);
    // The batch that is cut is asked for again.
    EXPECT_EQ(got[2].next_offset, 8);
    EXPECT_EQ(got[2].records, 1);
  }
}

TEST(fetch_answer, an_answer_without_topics) {
  net::fetch_response response{.error = net::error_code::fetch_session_id_not_found};
  auto body = net::join(net::encode(std::move(response), fetch_answer::version));
  auto frame = buffer::allocate(8 + body.size());
  store_be(frame.data(), static_cast<std::int32_t>(4 + body.size()));
  store_be(frame.data() + 4, 7);
  body.copy_to(0, frame.data() + 8, body.size());
  fetch_answer answer;
  read(answer, frame.bytes(), frame.size());
  EXPECT_FALSE(answer.malformed());
  EXPECT_EQ(answer.left(), 0);
  EXPECT_EQ(answer.error(), 70);
  EXPECT_TRUE(answer.partitions().empty());
}

TEST(fetch_answer, what_makes_no_sense_is_said) {
  std::vector<records_of> one(1);
  one[0].batches.push_back(make_batch(0, 1));
  auto frame = make_answer(std::move(one));
  store_be(frame.data(), static_cast<std::int32_t>(frame.size() - 4 - 10));  // shorter than it is
  fetch_answer answer;
  read(answer, frame.bytes().first(frame.size() - 10), frame.size());
  EXPECT_TRUE(answer.malformed());
  store_be(frame.data(), -1);
  read(answer, frame.bytes(), frame.size());
  EXPECT_TRUE(answer.malformed());
}

}  // namespace
}  // namespace karst::bench
