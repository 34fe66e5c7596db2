// Fetch sessions (KIP-227), topic ids (KIP-516) and leader hints (KIP-951) as a client sees them.
#include "net/messages/delete_topics.h"
#include "net/messages/fetch.h"
#include "net/messages/produce.h"
#include "tests/cluster/api/broker_fixture.h"

namespace karst::cluster::testing {
namespace {

using enum net::error_code;
using partition = net::fetch_request::partition;

class fetch_sessions : public broker_fixture {
 protected:
  using broker_fixture::broker_fixture;
  void SetUp() override { create_topic("t", 4); }

  void append(std::int32_t partition, buffer_chain records, std::string_view topic = "t") {
    net::produce_request request{.acks = -1};
    request.topics.push_back({topic, {}});
    request.topics.back().partitions.push_back({partition, std::move(records)});
    auto response = ask<net::produce_response>(std::move(request), 9);
    ASSERT_EQ(response.topics[0].partitions[0].error, none);
  }
  uuid id_of(std::string const& topic) {
    uuid id;
    machine_->run(0, find_id(*broker_, topic, id));
    return id;
  }
  static task<> find_id(broker& broker, std::string const& topic, uuid& id) {
    id = broker.metadata().current()->find(topic)->id;
    co_return;
  }

  struct asked {
    std::vector<partition> partitions = {};
    std::vector<std::int32_t> forgotten = {};
    std::int16_t version = 12;
    core_id from = 0;
    uuid id = {};
    std::int32_t max_wait_ms = 0;
  };
  net::fetch_response fetch(std::int32_t session, std::int32_t epoch, asked what) {
    net::fetch_request request{.max_wait_ms = what.max_wait_ms,
                               .min_bytes = 1,
                               .max_bytes = 1 << 20,
                               .session_id = session,
                               .session_epoch = epoch};
    for (auto& each : what.partitions) each.max_bytes = 1 << 20;
    if (!what.partitions.empty()) {
      request.topics.push_back({.name = "t", .id = what.id, .partitions = what.partitions});
    }
    if (!what.forgotten.empty()) request.forgotten_topics.push_back({"t", what.id, what.forgotten});
    return ask<net::fetch_response>(std::move(request), what.version, what.from);
  }
  // Index and bytes of what was answered, in its order.
  static std::vector<std::pair<std::int32_t, bool>> said(net::fetch_response const& response) {
    std::vector<std::pair<std::int32_t, bool>> found;
    for (auto const& topic : response.topics) {
      for (auto const& each : topic.partitions) {
        found.emplace_back(each.index, each.records->size() != 0);
      }
    }
    return found;
  }
};

using answered = std::vector<std::pair<std::int32_t, bool>>;

TEST_F(fetch_sessions, tell_only_what_is_new) {
  append(1, make_batch({"a"}));
  auto full = fetch(0, 0, {.partitions = {{.index = 0}, {.index = 1}, {.index = 2}}});
  ASSERT_GT(full.session_id, 0);
  EXPECT_EQ(said(full), (answered{{0, false}, {1, true}, {2, false}}));
  auto id = full.session_id;
  // The client has the record now: nothing is new.
  auto quiet = fetch(id, 1, {.partitions = {{.index = 1, .fetch_offset = 1}}});
  EXPECT_EQ(quiet.session_id, id);
  EXPECT_EQ(said(quiet), answered{});
  append(2, make_batch({"b"}));
  EXPECT_EQ(said(fetch(id, 2, {})), (answered{{2, true}}));
  // It asks no further, so it gets the same again.
  EXPECT_EQ(said(fetch(id, 3, {})), (answered{{2, true}}));
  // A partition that joins is told, one that is forgotten is not.
  append(3, make_batch({"c"}));
  EXPECT_EQ(said(fetch(id, 4, {.partitions = {{.index = 3}}, .forgotten = {2}})),
            (answered{{3, true}}));
  // An error is told each time, and its end as well.
  EXPECT_EQ(said(fetch(id, 5,
                       {.partitions = {{.index = 0, .fetch_offset = 9},
                                       {.index = 3, .fetch_offset = 1}}})),
            (answered{{0, false}}));
  EXPECT_EQ(said(fetch(id, 6, {})), (answered{{0, false}}));
  EXPECT_EQ(said(fetch(id, 7, {.partitions = {{.index = 0, .fetch_offset = 0}}})),
            (answered{{0, false}}));
  EXPECT_EQ(said(fetch(id, 8, {})), answered{});
}

TEST_F(fetch_sessions, what_was_served_goes_behind_the_others) {
  for (std::int32_t index : {0, 1, 2}) append(index, make_batch({"a"}));
  auto full = fetch(0, 0, {.partitions = {{.index = 0}, {.index = 1}, {.index = 2}}});
  append(0, make_batch({"b"}));
  append(2, make_batch({"b"}));
  auto id = full.session_id;
  auto next = fetch(id, 1, {.partitions = {{.index = 1, .fetch_offset = 1}}});
  EXPECT_EQ(said(next), (answered{{0, true}, {2, true}}));
  append(1, make_batch({"b"}));
  // 1 gave nothing last time, and is first now.
  EXPECT_EQ(said(fetch(id, 2, {})), (answered{{1, true}, {0, true}, {2, true}}));
}

TEST_F(fetch_sessions, errors_of_sessions) {
  EXPECT_EQ(fetch(77, 3, {}).error, fetch_session_id_not_found);
  auto full = fetch(0, 0, {.partitions = {{.index = 0}}});
  auto id = full.session_id;
  auto wrong = fetch(id, 2, {});
  EXPECT_EQ(wrong.error, invalid_fetch_session_epoch);
  EXPECT_EQ(wrong.session_id, 0);
  EXPECT_TRUE(wrong.topics.empty());
  EXPECT_EQ(fetch(id, 1, {.version = 13}).error, fetch_session_topic_id_error);
  // None of these has moved the session.
  EXPECT_EQ(fetch(id, 1, {}).error, none);
  EXPECT_EQ(fetch(id, 1, {}).error, invalid_fetch_session_epoch);
  // It goes on by a connection of another core, and back; its end is understood everywhere.
  EXPECT_EQ(fetch(id, 2, {.from = 1}).error, none);
  EXPECT_EQ(fetch(id, 2, {.from = 1}).error, invalid_fetch_session_epoch);
  EXPECT_EQ(fetch(id, 3, {}).error, none);
  EXPECT_EQ(fetch(id, -1, {.partitions = {{.index = 0}}, .from = 1}).session_id, 0);
  EXPECT_EQ(fetch(id, 4, {}).error, fetch_session_id_not_found);
  EXPECT_EQ(fetch(id, 4, {.from = 1}).error, fetch_session_id_not_found);
}

TEST_F(fetch_sessions, end_by_a_new_one_by_a_last_request_and_when_nothing_is_left) {
  auto first = fetch(0, 0, {.partitions = {{.index = 0}}}).session_id;
  auto second = fetch(first, 0, {.partitions = {{.index = 0}}}).session_id;
  EXPECT_NE(first, second);
  EXPECT_EQ(fetch(first, 1, {}).error, fetch_session_id_not_found);
  EXPECT_EQ(fetch(second, -1, {}).session_id, 0);
  EXPECT_EQ(fetch(second, 1, {}).error, fetch_session_id_not_found);
  auto third = fetch(0, 0, {.partitions = {{.index = 0}}}).session_id;
  auto emptied = fetch(third, 1, {.forgotten = {0}});
  EXPECT_EQ(emptied.error, none);
  EXPECT_EQ(emptied.session_id, 0);
  EXPECT_EQ(fetch(third, 2, {}).error, fetch_session_id_not_found);
}

TEST_F(fetch_sessions, topics_have_ids_from_version_13_on) {
  append(1, make_batch({"a"}));
  auto id = id_of("t");
  for (std::int16_t version : {13, 14, 15, 16, 17}) {
    SCOPED_TRACE(version);
    auto response =
        fetch(0, -1, {.partitions = {{.index = 1}, {.index = 9}}, .version = version, .id = id});
    ASSERT_EQ(response.topics.size(), 1u);
    EXPECT_EQ(response.topics[0].id, id);
    EXPECT_EQ(response.topics[0].partitions.at(0).error, none);
    EXPECT_GT(response.topics[0].partitions.at(0).records->size(), 0u);
    EXPECT_EQ(response.topics[0].partitions.at(1).error, unknown_topic_or_partition);
    auto unknown =
        fetch(0, -1, {.partitions = {{.index = 1}}, .version = version, .id = make_uuid(1, 2)});
    EXPECT_EQ(unknown.topics.at(0).partitions.at(0).error, unknown_topic_id);
    EXPECT_EQ(unknown.topics.at(0).id, make_uuid(1, 2));
  }
}

TEST_F(fetch_sessions, a_topic_that_is_made_anew_is_another) {
  auto old = id_of("t");
  auto by_id = fetch(0, 0, {.partitions = {{.index = 0}}, .version = 13, .id = old}).session_id;
  auto by_name = fetch(0, 0, {.partitions = {{.index = 0}}}).session_id;
  auto error = [](net::fetch_response const& response) {
    EXPECT_EQ(response.error, none);
    EXPECT_EQ(response.topics.size(), 1u);
    return response.topics.empty() ? response.error : response.topics[0].partitions.at(0).error;
  };
  net::delete_topics_request deletion{.timeout_ms = 10'000};
  deletion.topics.push_back({.name = "t"});
  ask<net::delete_topics_response>(std::move(deletion), 6);
  EXPECT_EQ(error(fetch(by_id, 1, {.version = 13})), unknown_topic_or_partition);
  EXPECT_EQ(error(fetch(by_name, 1, {})), unknown_topic_or_partition);
  create_topic("t", 1);
  append(0, make_batch({"new"}));
  EXPECT_EQ(error(fetch(by_id, 2, {.version = 13})), inconsistent_topic_id);
  EXPECT_EQ(error(fetch(by_name, 2, {})), none);
  auto anew = fetch(0, -1, {.partitions = {{.index = 0}}, .version = 13, .id = old});
  EXPECT_EQ(error(anew), unknown_topic_id);
}

TEST_F(fetch_sessions, who_came_to_the_wrong_broker_is_told_the_leader) {
  log_of("t", 0).fail(log::errc::closed);
  for (std::int16_t version : {15, 16}) {
    auto response =
        fetch(0, -1, {.partitions = {{.index = 0}}, .version = version, .id = id_of("t")});
    auto const& part = response.topics.at(0).partitions.at(0);
    auto known = version >= 16;
    ASSERT_EQ(part.error, not_leader_or_follower);
    EXPECT_EQ(part.current_leader.leader_id, known ? 7 : -1);
    ASSERT_EQ(response.node_endpoints.size(), known ? 1u : 0u);
    if (known) EXPECT_EQ(response.node_endpoints[0].port, 9092);
  }
}

task<> keep_answer(task<net::response> work, std::optional<net::response>& slot) {
  slot = co_await std::move(work);
}

// By another connection, while the first is parked: the session is not touched.
TEST_F(fetch_sessions, one_request_at_a_time) {
  auto id = fetch(0, 0, {.partitions = {{.index = 0}, {.index = 1}}}).session_id;
  net::fetch_request request{.max_wait_ms = 60'000,
                             .min_bytes = 1,
                             .max_bytes = 1 << 20,
                             .session_id = id,
                             .session_epoch = 1};
  auto body = net::join(net::encode(std::move(request), 12));
  std::optional<net::response> parked;
  machine_->start(0, keep_answer(answer(*this, net::api_key::fetch, 12, std::move(body)), parked));
  EXPECT_EQ(fetch(id, 2, {.forgotten = {0}}).error, invalid_fetch_session_epoch);
  append(0, make_batch({"a"}));
  machine_->run_until([&] { return parked.has_value(); });
  EXPECT_EQ(said(read<net::fetch_response>(*parked, 12)), (answered{{0, true}}));
  EXPECT_EQ(fetch(id, 2, {}).error, none);
}

class few_fetch_sessions : public fetch_sessions {
 protected:
  few_fetch_sessions() : fetch_sessions({{"max.incremental.fetch.session.cache.slots", "3"}}) {}
};

TEST_F(few_fetch_sessions, are_divided_over_the_cores_and_refused_without_harm) {
  append(0, make_batch({"a"}));
  int kept = 0;
  for (int i = 0; i < 10; ++i) {
    auto response =
        fetch(0, 0, {.partitions = {{.index = 0}}, .from = static_cast<core_id>(i % 2)});
    EXPECT_EQ(said(response), (answered{{0, true}}));
    if (response.session_id != 0) ++kept;
  }
  EXPECT_EQ(kept, 3);
}

}  // namespace
}  // namespace karst::cluster::testing
