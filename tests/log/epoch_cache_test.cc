#include "log/epoch_cache.h"

#include <gtest/gtest.h>

#include "log/limits.h"

namespace karst::log {
namespace {

using entries = std::vector<epoch_start>;

void expect_end(epoch_cache const& cache, std::int32_t requested, std::int32_t epoch,
                std::int64_t end) {
  auto answer = cache.end_of({requested}, offset{100});
  EXPECT_EQ(answer.epoch, leader_epoch{epoch}) << requested;
  EXPECT_EQ(answer.end, offset{end}) << requested;
}

TEST(epoch_cache, answers_where_epochs_end) {
  epoch_cache cache{{{{2}, {10}}, {{4}, {30}}, {{7}, {50}}}};
  expect_end(cache, 7, 7, 100);
  expect_end(cache, 8, -1, -1);
  expect_end(cache, -1, -1, -1);
  expect_end(cache, 6, 4, 50);
  expect_end(cache, 5, 4, 50);
  expect_end(cache, 4, 4, 50);
  expect_end(cache, 3, 2, 30);
  expect_end(cache, 2, 2, 30);
  expect_end(cache, 1, 1, 10);
  expect_end(cache, 0, 0, 10);
  expect_end({}, 0, -1, -1);
}

TEST(epoch_cache, knows_who_wrote_an_offset) {
  epoch_cache cache{{{{2}, {10}}, {{4}, {30}}}};
  EXPECT_EQ(cache.epoch_of({9}), leader_epoch{-1});
  EXPECT_EQ(cache.epoch_of({10}), leader_epoch{2});
  EXPECT_EQ(cache.epoch_of({29}), leader_epoch{2});
  EXPECT_EQ(cache.epoch_of({30}), leader_epoch{4});
  EXPECT_EQ(cache.epoch_of({1'000'000}), leader_epoch{4});
  EXPECT_EQ(cache.latest(), leader_epoch{4});
}

TEST(epoch_cache, an_epoch_without_records_leaves_no_trace) {
  epoch_cache cache;
  for (std::int32_t epoch = 0; epoch < 1000; ++epoch) cache.assign({epoch}, {5});
  EXPECT_EQ(cache.entries(), (entries{{{999}, {5}}}));
  cache.assign({1000}, {6});
  EXPECT_EQ(cache.entries(), (entries{{{999}, {5}}, {{1000}, {6}}}));
}

TEST(epoch_cache, the_current_epoch_keeps_its_start) {
  epoch_cache cache;
  cache.assign({3}, {5});
  cache.assign({3}, {8});
  EXPECT_EQ(cache.entries(), (entries{{{3}, {5}}}));
}

TEST(epoch_cache, what_contradicts_the_newest_gives_way) {
  epoch_cache cache{{{{1}, {0}}, {{5}, {10}}, {{6}, {20}}}};
  cache.assign({4}, {15});
  EXPECT_EQ(cache.entries(), (entries{{{1}, {0}}, {{4}, {15}}}));
  cache.assign({1}, {15});
  EXPECT_EQ(cache.entries(), (entries{{{1}, {0}}})) << "epoch 1 goes on";
}

TEST(epoch_cache, truncation_at_both_ends) {
  epoch_cache cache{{{{1}, {0}}, {{2}, {10}}, {{3}, {20}}}};
  cache.truncate_from_start({15});
  EXPECT_EQ(cache.entries(), (entries{{{2}, {15}}, {{3}, {20}}}));
  cache.truncate_from_end({20});
  EXPECT_EQ(cache.entries(), (entries{{{2}, {15}}}));
  cache.truncate_from_start({500});
  EXPECT_EQ(cache.entries(), (entries{{{2}, {500}}})) << "the latest is always known";
  cache.truncate_from_end({0});
  EXPECT_TRUE(cache.entries().empty());
}

TEST(epoch_cache, beyond_the_limit_the_oldest_is_forgotten) {
  epoch_cache cache;
  auto count = static_cast<std::int32_t>(limit::epochs_per_log);
  for (std::int32_t i = 0; i <= count; ++i) cache.assign({i}, {i});
  EXPECT_EQ(cache.entries().size(), limit::epochs_per_log);
  EXPECT_EQ(cache.entries().front(), (epoch_start{{1}, {1}}));
}

}  // namespace
}  // namespace karst::log
