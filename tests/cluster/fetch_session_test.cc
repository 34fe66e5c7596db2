#include "cluster/fetch_session.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/cluster/fetch_session_model.h"

namespace karst::cluster::testing {
namespace {

using enum net::error_code;
using request_topics = std::vector<net::fetch_request::topic>;

TEST(fetch_session, does_what_its_model_does) {
  std::uint64_t const seed = std::random_device{}();
  SCOPED_TRACE(seed);
  for (std::uint64_t run = 0; run < 200; ++run) {
    std::mt19937_64 random{seed + run};
    fetch_session_model model{run % 2 == 0, [&](std::uint32_t below) {
                                return below == 0 ? 0
                                                  : static_cast<std::uint32_t>(random() % below);
                              }};
    for (int step = 0; step < 200; ++step) {
      model.step();
      model.check();
    }
  }
}

TEST(fetch_session, epochs_count_from_one_and_wrap_to_one) {
  fetch_session session{false};
  EXPECT_EQ(session.epoch(), 1);
  session.begin_epoch();
  EXPECT_EQ(session.epoch(), 2);
}

metadata_snapshot with_topic(std::uint64_t version, std::string const& name, uuid const& id) {
  metadata_snapshot snapshot{.version = version};
  auto topic = std::make_shared<topic_metadata>();
  topic->name = name;
  topic->id = id;
  topic->partitions.resize(2);
  snapshot.topics[name] = topic;
  snapshot.topics_by_id[id] = topic;
  return snapshot;
}

// As Kafka: an id that has had a name keeps it, and what is behind the name must have the id.
TEST(fetch_session, ids_decide_when_a_topic_is_made_anew) {
  auto first = make_uuid(1, 1);
  auto second = make_uuid(2, 2);
  fetch_session by_id{true};
  fetch_session by_name{false};
  by_id.want({{.id = first, .partitions = {{.index = 0}}}});
  by_name.want({{.name = "t", .partitions = {{.index = 0}}}});
  auto check = [&](metadata_snapshot const& snapshot, net::error_code ids, net::error_code names) {
    by_id.resolve(snapshot);
    by_name.resolve(snapshot);
    EXPECT_EQ(by_id.topic_of(by_id.partition_at(by_id.first())).error, ids);
    EXPECT_EQ(by_name.topic_of(by_name.partition_at(by_name.first())).error, names);
  };
  check(metadata_snapshot{.version = 1}, unknown_topic_id, unknown_topic_or_partition);
  check(with_topic(2, "t", first), none, none);
  check(metadata_snapshot{.version = 3}, unknown_topic_or_partition, unknown_topic_or_partition);
  check(with_topic(4, "t", second), inconsistent_topic_id, none);
  check(with_topic(5, "t", first), none, none);
}

// 10,000 partitions of 10 topics: names are kept once, and the size is what the limits reckon with.
TEST(fetch_session, a_large_one_takes_about_a_hundred_bytes_a_partition) {
  fetch_session session{false};
  std::vector<std::string> names;
  for (int i = 0; i < 10; ++i) names.push_back(std::string(200, static_cast<char>('a' + i)));
  request_topics request;
  for (auto const& name : names) {
    request.push_back({.name = name});
    for (std::int32_t i = 0; i < 1000; ++i) request.back().partitions.push_back({.index = i});
  }
  session.want(request);
  auto plain = session.memory();
  session.want(request);  // looks each up
  EXPECT_EQ(session.size(), 10'000u);
  EXPECT_LT(plain, session.memory());
  EXPECT_LT(session.memory(), 160u * 10'000);
}

class cache : public ::testing::Test {
 protected:
  static std::shared_ptr<fetch_session> make(std::int32_t partitions) {
    auto made = std::make_shared<fetch_session>(false);
    request_topics request{{.name = "t"}};
    for (std::int32_t i = 0; i < partitions; ++i) request[0].partitions.push_back({.index = i});
    made->want(request);
    return made;
  }
  std::int32_t add(fetch_session_cache& to, std::int32_t partitions, bool privileged = false) {
    return to.add(make(partitions), privileged, now_, random_ += 77);
  }

  time_point now_{1h};
  std::uint64_t random_ = 1;
};

TEST_F(cache, ids_are_positive_and_different_on_every_core) {
  fetch_session_cache cache{2, 3, {.slots = 1000}};
  std::set<std::int32_t> ids;
  for (int i = 0; i < 1000; ++i) {
    // The same number from the generator each time: still another id.
    auto id = cache.add(make(1), false, now_, i % 2 == 0 ? 5 : std::uint64_t(-1) - i);
    EXPECT_GT(id, 0);
    EXPECT_EQ(id % 3, 2);  // no other core makes it
    EXPECT_TRUE(ids.insert(id).second);
    EXPECT_NE(cache.find(id), nullptr);
  }
  EXPECT_EQ(add(cache, 1), 0);
}

TEST_F(cache, who_was_idle_for_two_minutes_makes_room) {
  fetch_session_cache cache{0, 1, {.slots = 2}};
  auto first = add(cache, 5);
  now_ += 60s;
  auto second = add(cache, 1);
  EXPECT_EQ(add(cache, 1), 0);
  now_ += 60s;
  EXPECT_EQ(add(cache, 1), 0);
  EXPECT_TRUE(cache.touch(second, now_));
  now_ += 1s;
  auto third = add(cache, 1);
  EXPECT_GT(third, 0);
  EXPECT_EQ(cache.find(first), nullptr);
  EXPECT_NE(cache.find(second), nullptr);
  EXPECT_EQ(cache.size(), 2u);
}

TEST_F(cache, the_larger_replaces_the_smaller_that_has_lived_for_two_minutes) {
  fetch_session_cache cache{0, 1, {.slots = 2}};
  auto small = add(cache, 2);
  auto large = add(cache, 8);
  EXPECT_EQ(add(cache, 100), 0);
  now_ += 121s;
  cache.touch(small, now_);
  cache.touch(large, now_);
  EXPECT_EQ(add(cache, 2), 0);
  EXPECT_GT(add(cache, 3), 0);
  EXPECT_EQ(cache.find(small), nullptr);
  EXPECT_NE(cache.find(large), nullptr);
}

TEST_F(cache, followers_replace_consumers_and_not_the_other_way) {
  fetch_session_cache cache{0, 1, {.slots = 2}};
  auto consumer = add(cache, 100);
  auto follower = add(cache, 1, true);
  auto another = add(cache, 1, true);
  EXPECT_GT(another, 0);
  EXPECT_EQ(cache.find(consumer), nullptr);
  EXPECT_EQ(add(cache, 1000), 0);
  EXPECT_EQ(add(cache, 1000, true), 0);
  now_ += 121s;
  cache.touch(follower, now_);
  cache.touch(another, now_);
  EXPECT_EQ(add(cache, 1000), 0);
  EXPECT_GT(add(cache, 1000, true), 0);
}

TEST_F(cache, a_session_goes_to_another_cores_cache_with_its_id) {
  fetch_session_cache here{0, 2, {.slots = 2}};
  fetch_session_cache there{1, 2, {.slots = 1}};
  auto const id = add(here, 3);
  here.find(id)->busy = true;
  EXPECT_EQ(here.take(id).session, nullptr);
  here.find(id)->busy = false;
  auto taken = here.take(id);
  ASSERT_NE(taken.session, nullptr);
  EXPECT_EQ(here.size() + here.bytes(), 0u);
  EXPECT_EQ(here.take(id).session, nullptr);
  there.keep(id, std::move(taken), now_);
  ASSERT_NE(there.find(id), nullptr);
  EXPECT_EQ(there.find(id)->size(), 3u);
  EXPECT_TRUE(there.touch(id, now_));
  // Where there is no room, it is gone: the client begins anew.
  auto const another = add(here, 1);
  there.keep(another, here.take(another), now_);
  EXPECT_EQ(there.find(another), nullptr);
  EXPECT_EQ(there.size(), 1u);
}

TEST_F(cache, memory_is_bounded_and_what_outgrows_it_is_gone) {
  constexpr std::size_t bytes = 256 * KiB;
  fetch_session_cache cache{0, 1, {.slots = 100'000, .bytes = bytes}};
  EXPECT_EQ(add(cache, 10'000), 0);
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 5000; ++i) {
    if (auto id = add(cache, 1 + i % 50); id != 0) ids.push_back(id);
    ASSERT_LE(cache.bytes(), bytes);
  }
  EXPECT_GT(ids.size(), 50u);
  EXPECT_LT(ids.size(), 1000u);
  request_topics more{{.name = "grown"}};
  for (std::int32_t i = 0; i < 3000; ++i) more[0].partitions.push_back({.index = i});
  cache.find(ids[0])->want(more);
  EXPECT_FALSE(cache.touch(ids[0], now_));
  EXPECT_EQ(cache.find(ids[0]), nullptr);
  for (auto id : ids) cache.remove(id);
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_EQ(cache.size(), 0u);
}

TEST_F(cache, no_slots_no_sessions) {
  fetch_session_cache cache{0, 1, {.slots = 0}};
  EXPECT_EQ(add(cache, 1), 0);
}

}  // namespace
}  // namespace karst::cluster::testing
