// Groups behind their APIs: what clients are told, and that a replay of the log gives the same.
#include "cluster/group_coordinator.h"

#include <random>

#include "net/messages/delete_groups.h"
#include "net/messages/delete_topics.h"
#include "net/messages/describe_groups.h"
#include "net/messages/find_coordinator.h"
#include "net/messages/heartbeat.h"
#include "net/messages/join_group.h"
#include "net/messages/leave_group.h"
#include "net/messages/list_groups.h"
#include "net/messages/offset_commit.h"
#include "net/messages/offset_delete.h"
#include "net/messages/offset_fetch.h"
#include "net/messages/produce.h"
#include "net/messages/sync_group.h"
#include "tests/cluster/api/broker_fixture.h"

namespace karst::cluster::testing {
namespace {

using net::error_code;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class group_coordinator_test : public broker_fixture {
 protected:
  group_coordinator_test()
      : broker_fixture({{"offsets.topic.num.partitions", "4"},
                        {"offsets.retention.minutes", "10"},
                        {"offsets.retention.check.interval.ms", "60000"}}) {
    create_topic("topic", 3);
    find("any");
  }

  net::find_coordinator_response find(std::string_view group) {
    return ask<net::find_coordinator_response>(
        net::find_coordinator_request{.coordinator_keys = {group}}, 4);
  }
  error_code commit(std::string_view group, std::int32_t partition, std::int64_t offset,
                    group_claim claim = {}) {
    net::offset_commit_request request{.group_id = group,
                                       .generation_id_or_member_epoch = claim.generation,
                                       .member_id = claim.member_id};
    request.topics.push_back({"topic",
                              {{.index = partition,
                                .committed_offset = offset,
                                .committed_leader_epoch = 0,
                                .committed_metadata = "here"}}});
    auto answer = ask<net::offset_commit_response>(std::move(request), 8);
    return answer.topics.at(0).partitions.at(0).error;
  }
  std::int64_t committed(std::string_view group, std::int32_t partition) {
    net::offset_fetch_request request{.group_id = group};
    request.topics->push_back({"topic", {partition}});
    auto answer = ask<net::offset_fetch_response>(std::move(request), 7);
    EXPECT_EQ(answer.error, error_code::none);
    return answer.topics.at(0).partitions.at(0).committed_offset;
  }
  net::join_group_response join(std::string_view group, std::string_view member,
                                std::int16_t version = 5) {
    net::join_group_request request{.group_id = group,
                                    .session_timeout_ms = 10'000,
                                    .rebalance_timeout_ms = 20'000,
                                    .member_id = member,
                                    .protocol_type = "consumer",
                                    .protocols = {{"range", {"subscription"}}}};
    return ask<net::join_group_response>(std::move(request), version);
  }
  net::sync_group_response sync(std::string_view group, net::join_group_response const& joined) {
    net::sync_group_request request{.group_id = group,
                                    .generation_id = joined.generation_id,
                                    .member_id = joined.member_id,
                                    .assignments = {{joined.member_id, {"assignment"}}}};
    return ask<net::sync_group_response>(std::move(request), 3);
  }
  // A group of one member, stable.
  net::join_group_response settle(std::string_view group) {
    auto asked = join(group, "");
    EXPECT_EQ(asked.error, error_code::member_id_required);
    auto joined = join(group, asked.member_id);
    EXPECT_EQ(joined.error, error_code::none);
    EXPECT_EQ(sync(group, joined).assignment.bytes, "assignment");
    return joined;
  }
  error_code leave(std::string_view group, std::string_view member) {
    net::leave_group_request request{.group_id = group, .member_id = member};
    return ask<net::leave_group_response>(std::move(request), 1).error;
  }
  error_code remove(std::string_view group) {
    net::delete_groups_request request{.groups_names = {group}};
    return ask<net::delete_groups_response>(std::move(request), 2).results.at(0).error;
  }
  std::string state_of(std::string_view group) {
    net::describe_groups_request request{.groups = {group}};
    return ask<net::describe_groups_response>(std::move(request), 5).groups.at(0).group_state;
  }
  static task<> sleep(duration time) { (void)co_await sleep_until(core::current().now() + time); }
  void advance(duration time) { machine_->run(0, sleep(time)); }
  std::vector<std::string> listed() {
    auto answer = ask<net::list_groups_response>(net::list_groups_request{}, 4);
    EXPECT_EQ(answer.error, error_code::none);
    std::vector<std::string> names;
    for (auto const& each : answer.groups) names.push_back(each.group_id + ":" + each.group_state);
    std::ranges::sort(names);
    return names;
  }

  static task<> compare_here(broker& broker, std::int32_t partition, log::log_id log) {
    co_await broker.groups().loaded({core::current().id(), partition, log}, never);
    auto live = broker.groups().shard(partition)->image();
    abort_source stop;
    auto replayed = co_await load_groups(broker.partitions(), log, stop);
    EXPECT_TRUE(replayed.has_value());
    expect_same(live, replayed->groups);
  }
  static void expect_same(loaded_groups const& live, loaded_groups const& replayed) {
    EXPECT_EQ(live.size(), replayed.size());
    for (auto const& [id, group] : live) {
      SCOPED_TRACE(id);
      auto found = replayed.find(id);
      ASSERT_NE(found, replayed.end());
      auto mine = group.image;
      auto theirs = found->second.image;
      // Since when it is stable is told to nobody, and matters only for groups without members.
      if (mine && theirs && !mine->members.empty()) {
        mine->state_timestamp = theirs->state_timestamp;
      }
      EXPECT_EQ(mine, theirs);
      EXPECT_EQ(text_of(group.offsets), text_of(found->second.offsets));
    }
  }
  static std::vector<std::string> text_of(group_offsets const& offsets) {
    std::vector<std::string> lines;
    offsets.for_each([&](std::string const& topic, std::int32_t partition, auto const& each) {
      lines.push_back(fmt::format("{}-{} {} {} {} {}", topic, partition, each.offset,
                                  each.leader_epoch, each.metadata, each.commit_timestamp));
    });
    return lines;
  }
  partition_metadata offsets_partition(std::int32_t partition) {
    core::scope inside{machine_->at(0)};
    return *broker_->metadata().current()->find(offsets_topic, partition);
  }
  static task<> wait_for_answer(group_coordinator_test& self, buffer_chain body, bool& ended) {
    (void)co_await answer(self, net::api_key::join_group, 5, std::move(body));
    ended = true;
  }
  static task<> close_connection(group_coordinator_test& self) {
    self.connection_.closing.request();
    co_return;
  }

  // Every partition of __consumer_offsets, replayed, is what its core has.
  void expect_replay_gives_the_same() {
    auto snapshot = [this] {
      core::scope inside{machine_->at(0)};
      return broker_->metadata().current();
    }();
    for (auto const& each : snapshot->find(offsets_topic)->partitions) {
      machine_->run(each.core, compare_here(*broker_, each.index, each.log));
    }
  }
};

TEST_F(group_coordinator_test, finding_a_coordinator_makes_the_topic_compacted) {
  auto found = find("g");
  EXPECT_EQ(found.coordinators.at(0).node_id, 7);
  EXPECT_EQ(found.coordinators.at(0).port, 9092);
  core::scope inside{machine_->at(0)};
  auto const* topic = broker_->metadata().current()->find(offsets_topic);
  ASSERT_NE(topic, nullptr);
  EXPECT_TRUE(topic->internal);
  EXPECT_EQ(topic->partitions.size(), 4U);
  EXPECT_EQ(topic->overrides.at("cleanup.policy"), "compact");
}

TEST_F(group_coordinator_test, transactions_have_no_coordinator) {
  net::find_coordinator_request request{.key_type = 1, .coordinator_keys = {"t"}};
  auto answer = ask<net::find_coordinator_response>(std::move(request), 4).coordinators.at(0);
  EXPECT_EQ(answer.error, error_code::invalid_request);
  EXPECT_EQ(answer.error_message, "transactions are not available in this version");
}

TEST_F(group_coordinator_test, offsets_without_members) {
  EXPECT_EQ(committed("g", 0), -1);
  EXPECT_EQ(commit("g", 0, 5), error_code::none);
  EXPECT_EQ(commit("g", 1, 6), error_code::none);
  EXPECT_EQ(commit("g", 0, 4), error_code::none);
  EXPECT_EQ(committed("g", 0), 4);
  EXPECT_EQ(committed("g", 1), 6);
  EXPECT_EQ(committed("g", 2), -1);
  EXPECT_EQ(commit("g", 9, 1), error_code::unknown_topic_or_partition);
  EXPECT_EQ(commit("g", 0, 9, {.member_id = "stranger", .generation = 1}),
            error_code::unknown_member_id);
  EXPECT_EQ(commit("unknown", 0, 9, {.member_id = "stranger", .generation = 1}),
            error_code::illegal_generation);
  EXPECT_THAT(listed(), ElementsAre("g:Empty"));
  expect_replay_gives_the_same();
}

TEST_F(group_coordinator_test, a_member_joins_commits_and_leaves) {
  auto member = settle("g");
  EXPECT_EQ(member.generation_id, 1);
  EXPECT_EQ(member.leader, member.member_id);
  EXPECT_EQ(state_of("g"), "Stable");
  group_claim claim{.member_id = member.member_id, .generation = 1};
  EXPECT_EQ(commit("g", 0, 5, claim), error_code::none);
  EXPECT_EQ(commit("g", 0, 6), error_code::unknown_member_id);
  EXPECT_EQ(remove("g"), error_code::non_empty_group);
  expect_replay_gives_the_same();
  EXPECT_EQ(leave("g", member.member_id), error_code::none);
  EXPECT_EQ(state_of("g"), "Empty");
  EXPECT_EQ(committed("g", 0), 5);
  expect_replay_gives_the_same();
  EXPECT_EQ(remove("g"), error_code::none);
  EXPECT_EQ(state_of("g"), "Dead");
  EXPECT_EQ(committed("g", 0), -1);
  EXPECT_EQ(remove("g"), error_code::group_id_not_found);
  EXPECT_THAT(listed(), IsEmpty());
  expect_replay_gives_the_same();
}

TEST_F(group_coordinator_test, what_only_asked_for_an_id_leaves_nothing) {
  EXPECT_EQ(join("g", "").error, error_code::member_id_required);
  EXPECT_EQ(join("h", "stranger").error, error_code::unknown_member_id);
  advance(11s);
  EXPECT_THAT(listed(), IsEmpty());
}

TEST_F(group_coordinator_test, a_member_that_is_silent_is_removed) {
  settle("g");
  advance(11s);
  EXPECT_EQ(state_of("g"), "Empty");
  expect_replay_gives_the_same();
}

TEST_F(group_coordinator_test, offsets_expire_only_without_members) {
  auto member = settle("g");
  EXPECT_EQ(commit("g", 0, 5, {.member_id = member.member_id, .generation = 1}), error_code::none);
  EXPECT_EQ(commit("simple", 0, 5), error_code::none);
  for (int second = 0; second < 660; second += 5) {
    advance(5s);
    net::heartbeat_request beat{.group_id = "g", .generation_id = 1, .member_id = member.member_id};
    EXPECT_EQ(ask<net::heartbeat_response>(std::move(beat), 3).error, error_code::none);
  }
  EXPECT_THAT(listed(), ElementsAre("g:Stable"));  // the simple one has expired
  EXPECT_EQ(committed("g", 0), 5);
  EXPECT_EQ(leave("g", member.member_id), error_code::none);
  advance(8min);
  EXPECT_EQ(committed("g", 0), 5);
  advance(4min);
  EXPECT_EQ(committed("g", 0), -1);
  EXPECT_THAT(listed(), IsEmpty());
  expect_replay_gives_the_same();
}

TEST_F(group_coordinator_test, offsets_go_with_their_topic) {
  create_topic("other", 1);
  EXPECT_EQ(commit("g", 0, 5), error_code::none);
  net::delete_topics_request request{.topic_names = {"topic"}, .timeout_ms = 1000};
  auto deleted = ask<net::delete_topics_response>(std::move(request), 5);
  EXPECT_EQ(deleted.topics.at(0).error, error_code::none);
  create_topic("topic", 3);
  EXPECT_EQ(committed("g", 0), -1);
  expect_replay_gives_the_same();
}

TEST_F(group_coordinator_test, offsets_are_deleted_where_nobody_subscribes) {
  auto member = settle("g");
  EXPECT_EQ(commit("g", 0, 5, {.member_id = member.member_id, .generation = 1}), error_code::none);
  net::offset_delete_request request{.group_id = "g", .topics = {{"topic", {{0}, {9}}}}};
  EXPECT_EQ(leave("g", member.member_id), error_code::none);
  auto answer = ask<net::offset_delete_response>(std::move(request), 0);
  EXPECT_EQ(answer.error, error_code::none);
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error, error_code::none);
  EXPECT_EQ(answer.topics.at(0).partitions.at(1).error, error_code::unknown_topic_or_partition);
  EXPECT_EQ(state_of("g"), "Dead");  // nothing is left of it
  EXPECT_EQ(committed("g", 0), -1);
  expect_replay_gives_the_same();
}

TEST_F(group_coordinator_test, only_the_broker_writes_to_its_topics) {
  net::produce_request request{.acks = 1, .timeout_ms = 1000};
  auto& topic = request.topics.emplace_back();
  topic.name = offsets_topic;
  topic.partitions.push_back({.index = 0, .records = make_batch({"x"})});
  auto answer = ask<net::produce_response>(std::move(request), 8);
  EXPECT_EQ(answer.topics.at(0).partitions.at(0).error, error_code::invalid_topic_exception);
}

TEST_F(group_coordinator_test, a_commit_that_took_too_long_is_true_once_it_is_durable) {
  auto const partition = partition_of_group("g", 4);
  log_of(offsets_topic, partition).hold();
  EXPECT_EQ(commit("g", 0, 5), error_code::coordinator_not_available);
  EXPECT_EQ(committed("g", 0), -1);
  auto& log = log_of(offsets_topic, partition);
  {
    auto const place = offsets_partition(partition);
    core::scope inside{machine_->at(place.core)};
    log.release();
  }
  advance(1ms);
  EXPECT_EQ(committed("g", 0), 5);
  expect_replay_gives_the_same();
}

TEST_F(group_coordinator_test, a_group_that_cannot_be_stored_is_rebalanced) {
  auto asked = join("g", "");
  auto joined = join("g", asked.member_id);
  log_of(offsets_topic, partition_of_group("g", 4)).hold();
  EXPECT_EQ(sync("g", joined).error, error_code::coordinator_not_available);
  EXPECT_EQ(state_of("g"), "PreparingRebalance");
}

TEST_F(group_coordinator_test, a_waiting_join_ends_with_its_connection) {
  auto member = settle("g");
  auto other = join("g", "");
  ASSERT_EQ(other.error, error_code::member_id_required);
  net::join_group_request request{.group_id = "g",
                                  .session_timeout_ms = 10'000,
                                  .rebalance_timeout_ms = 20'000,
                                  .member_id = other.member_id,
                                  .protocol_type = "consumer",
                                  .protocols = {{"range", {"subscription"}}}};
  bool ended = false;
  auto body = net::join(net::encode(std::move(request), 5));
  machine_->start(1, wait_for_answer(*this, std::move(body), ended));
  machine_->run_until([&] { return state_of("g") == "PreparingRebalance"; });
  EXPECT_FALSE(ended);
  machine_->run(1, close_connection(*this));
  machine_->run_until([&] { return ended; });
}

TEST_F(group_coordinator_test, no_group_is_begun_beyond_the_memory_for_groups) {
  auto refused = 0;
  for (int i = 0; i < 120'000 && refused == 0; ++i) {
    auto answer = join(fmt::format("g{}", i), "");
    if (answer.error == error_code::group_max_size_reached) ++refused;
  }
  EXPECT_EQ(refused, 1);
  advance(11s);  // those who asked for an id and did not come back are forgotten
  EXPECT_EQ(join("another", "").error, error_code::member_id_required);
}

// Random work of many groups, with a disk that now and then is slow or refuses; at every pause the
// log says the same as the cores.
TEST_F(group_coordinator_test, random_work_is_replayed_as_it_was) {
  auto const seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random{seed};
  struct known {
    std::string member;
    std::int32_t generation = -1;
  };
  std::map<std::string, known> groups;
  for (int step = 0; step < 600; ++step) {
    auto name = fmt::format("g{}", random() % 12);
    auto& group = groups[name];
    switch (random() % 8) {
      case 0:
        if (!group.member.empty()) break;
        if (state_of(name) == "Dead" || state_of(name) == "Empty") {
          auto joined = settle(name);
          group = {joined.member_id, joined.generation_id};
        }
        break;
      case 1:
        if (group.member.empty()) break;
        (void)leave(name, group.member);
        group = {};
        break;
      case 2:
        (void)remove(name);
        break;
      case 3:
        advance(std::chrono::seconds{random() % 15});
        break;
      case 4:
        if (random() % 10 == 0) advance(5min);
        break;
      default:
        (void)commit(name, static_cast<std::int32_t>(random() % 3),
                     static_cast<std::int64_t>(random() % 1000),
                     {.member_id = group.member, .generation = group.generation});
    }
    if (!group.member.empty() && state_of(name) != "Stable") group = {};
    if (step % 50 == 49) expect_replay_gives_the_same();
  }
}

}  // namespace
}  // namespace karst::cluster::testing
