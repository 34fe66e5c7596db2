#include "net/messages/fetch.h"
#include "net/messages/list_offsets.h"
#include "net/messages/offset_for_leader_epoch.h"
#include "net/messages/produce.h"
#include "tests/cluster/api/broker_fixture.h"

namespace karst::cluster::testing {
namespace {

using fetched = net::fetch_response::partition;
using enum net::error_code;

class reading : public broker_fixture {
 protected:
  void SetUp() override { create_topic("t", 2); }

  void append(std::int32_t partition, buffer_chain records) {
    net::produce_request request{.acks = -1};
    request.topics.push_back({"t", {}});
    request.topics.back().partitions.push_back({partition, std::move(records)});
    auto response = ask<net::produce_response>(std::move(request), 9);
    ASSERT_EQ(response.topics[0].partitions[0].error, none);
  }
  static net::fetch_request fetch_from(std::int64_t offset, std::int32_t partition = 0) {
    net::fetch_request request{.max_wait_ms = 0, .min_bytes = 1, .max_bytes = 1 << 20};
    request.topics.push_back(
        {.name = "t",
         .partitions = {{.index = partition, .fetch_offset = offset, .max_bytes = 1 << 20}}});
    return request;
  }
  fetched fetch(net::fetch_request request, std::int16_t version = 12, core_id from = 0) {
    auto response = ask<net::fetch_response>(std::move(request), version, from);
    EXPECT_EQ(response.error, none);
    return std::move(response.topics.at(0).partitions.at(0));
  }
  // A lookup of one partition by time or name.
  net::list_offsets_response::partition look_up(std::int64_t timestamp, std::int16_t version = 7,
                                                std::int32_t epoch = -1) {
    net::list_offsets_request request{.replica_id = -1};
    request.topics.push_back(
        {"t", {{.index = 1, .current_leader_epoch = epoch, .timestamp = timestamp}}});
    return ask<net::list_offsets_response>(std::move(request), version)
        .topics.at(0)
        .partitions.at(0);
  }
};

TEST_F(reading, gives_whole_batches_with_their_offsets_from_either_core) {
  append(0, make_batch({"a", "b"}));
  append(0, make_batch({"c"}));
  for (core_id from : {core_id{0}, core_id{1}}) {
    auto answer = fetch(fetch_from(1), 12, from);
    EXPECT_EQ(answer.error, none);
    EXPECT_EQ(answer.high_watermark, 3);
    EXPECT_EQ(answer.last_stable_offset, 3);
    EXPECT_EQ(answer.log_start_offset, 0);
    EXPECT_FALSE(answer.aborted_transactions.has_value());
    auto expected = make_batch({"a", "b"}).size() + make_batch({"c"}).size();
    EXPECT_EQ(answer.records->size(), expected);
  }
  auto committed = fetch_from(0);
  committed.isolation = net::isolation_level::read_committed;
  EXPECT_EQ(fetch(std::move(committed)).aborted_transactions->size(), 0u);
}

TEST_F(reading, the_first_batch_comes_whole_and_later_partitions_keep_the_limit) {
  append(0, make_batch({std::string(500, 'x')}));
  append(1, make_batch({std::string(500, 'y')}));
  auto request = fetch_from(0);
  request.max_bytes = 10;
  request.topics[0].partitions.push_back({.index = 1, .fetch_offset = 0, .max_bytes = 1 << 20});
  auto response = ask<net::fetch_response>(std::move(request), 12);
  EXPECT_GT(response.topics[0].partitions[0].records->size(), 500u);
  EXPECT_EQ(response.topics[0].partitions[1].records->size(), 0u);
}

// Partitions 0 and 1 live on two cores, which read at the same time.
TEST_F(reading, partitions_of_several_cores_share_the_limit_of_the_answer) {
  auto batch = make_batch({std::string(1000, 'x')});
  auto size = batch.size();
  for (std::int32_t partition : {0, 1}) {
    for (int i = 0; i < 4; ++i) append(partition, make_batch({std::string(1000, 'x')}));
  }
  auto sizes = [&](std::int32_t max_bytes, std::int32_t partition_max_bytes) {
    auto request = fetch_from(0, 1);
    request.max_bytes = max_bytes;
    request.topics[0].partitions.push_back({.index = 0, .fetch_offset = 0});
    for (auto& each : request.topics[0].partitions) each.max_bytes = partition_max_bytes;
    auto response = ask<net::fetch_response>(std::move(request), 12);
    auto const& parts = response.topics.at(0).partitions;
    EXPECT_EQ(parts.at(0).index, 1);
    return std::pair{parts[0].records->size() / size, parts[1].records->size() / size};
  };
  EXPECT_EQ(sizes(1 << 20, 1 << 20), (std::pair{4ul, 4ul}));
  auto four = static_cast<std::int32_t>(4 * size);
  EXPECT_EQ(sizes(four, four), (std::pair{2ul, 2ul}));
  // Neither part is enough for a second batch; what one leaves goes to the other.
  EXPECT_EQ(sizes(static_cast<std::int32_t>(3 * size), four), (std::pair{2ul, 1ul}));
  EXPECT_EQ(sizes(1, four), (std::pair{1ul, 0ul}));
  EXPECT_EQ(sizes(1 << 20, 1), (std::pair{1ul, 0ul}));
}

TEST_F(reading, a_limit_that_is_divided_is_not_waited_for) {
  for (int i = 0; i < 4; ++i) append(0, make_batch({std::string(1000, 'x')}));
  auto before = world_.now();
  auto request = fetch_from(0);
  request.topics[0].partitions.push_back({.index = 1, .fetch_offset = 0, .max_bytes = 4000});
  request.topics[0].partitions[0].max_bytes = 4000;
  request.min_bytes = 3500;
  request.max_bytes = 4000;
  request.max_wait_ms = 60'000;
  auto answer = fetch(std::move(request));
  EXPECT_GE(answer.records->size(), 1000u);
  EXPECT_LT(world_.now() - before, 1s);
}

TEST_F(reading, a_partition_named_twice_is_answered_once_as_named_last) {
  append(0, make_batch({"a", "b"}));
  auto request = fetch_from(99);
  request.topics.push_back({.name = "missing", .partitions = {{.index = 0}}});
  request.topics.push_back({.name = "t",
                            .partitions = {{.index = 1, .max_bytes = 100},
                                           {.index = 0, .fetch_offset = 0, .max_bytes = 100}}});
  auto response = ask<net::fetch_response>(std::move(request), 12);
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].name, "t");
  auto const& parts = response.topics[0].partitions;
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].index, 0);
  EXPECT_EQ(parts[0].error, none);
  EXPECT_GT(parts[0].records->size(), 0u);
  EXPECT_EQ(parts[1].index, 1);
  EXPECT_EQ(response.topics[1].partitions.at(0).error, unknown_topic_or_partition);
}

// Null and empty as Kafka 3.9 and 4.2 answer.
TEST_F(reading, the_aborted_list_is_null_where_a_log_was_asked_in_vain) {
  append(0, make_batch({"a"}));
  auto committed = [&](net::fetch_request request) {
    request.isolation = net::isolation_level::read_committed;
    return fetch(std::move(request)).aborted_transactions.has_value();
  };
  EXPECT_TRUE(committed(fetch_from(0)));
  EXPECT_FALSE(committed(fetch_from(7)));
  EXPECT_TRUE(committed(fetch_from(0, 5)));
  auto fenced = fetch_from(0);
  fenced.topics[0].partitions[0].current_leader_epoch = 99;
  EXPECT_FALSE(committed(std::move(fenced)));
  auto diverging = fetch_from(50);
  diverging.topics[0].partitions[0].last_fetched_epoch = log_of("t", 0).latest_epoch().value;
  EXPECT_FALSE(committed(std::move(diverging)));
}

TEST_F(reading, errors_of_a_partition) {
  append(0, make_batch({"a"}));
  EXPECT_EQ(fetch(fetch_from(2)).error, offset_out_of_range);
  EXPECT_EQ(fetch(fetch_from(-1)).error, offset_out_of_range);
  EXPECT_EQ(fetch(fetch_from(0, 5)).error, unknown_topic_or_partition);
  auto fenced = fetch_from(0);
  fenced.topics[0].partitions[0].current_leader_epoch = 99;
  EXPECT_EQ(fetch(std::move(fenced)).error, unknown_leader_epoch);
  auto forged = fetch_from(0);
  forged.replica_id = 7;
  auto refused = fetch(std::move(forged));
  EXPECT_EQ(refused.error, cluster_authorization_failed);
  EXPECT_EQ(refused.records->size(), 0u);
  log_of("t", 0).fail(log::errc::storage_failed);
  EXPECT_EQ(fetch(fetch_from(0)).error, kafka_storage_error);
  EXPECT_EQ(fetch(fetch_from(0), 5).error, not_leader_or_follower);
}

TEST_F(reading, zstd_is_not_sent_to_versions_that_do_not_know_it) {
  append(0, make_batch({"plain"}));
  append(0, make_batch({"a"}, {.compression = log::codec::zstd}));
  EXPECT_EQ(fetch(fetch_from(0), 9).error, unsupported_compression_type);
  EXPECT_EQ(fetch(fetch_from(0), 10).error, none);
}

task<> keep_answer(task<net::response> work, std::optional<net::response>& slot) {
  slot = co_await std::move(work);
}

task<> request_close(net::connection_info& connection, bool stopping = false) {
  connection.stopping = stopping;
  connection.closing.request();
  co_return;
}

TEST_F(reading, a_parked_fetch_ends_with_records_at_its_deadline_or_with_its_connection) {
  auto waiting = [&](std::int32_t max_wait_ms, std::optional<net::response>& slot) {
    auto request = fetch_from(0, 1);
    request.max_wait_ms = max_wait_ms;
    auto body = net::join(net::encode(std::move(request), 12));
    machine_->start(0, keep_answer(answer(*this, net::api_key::fetch, 12, std::move(body)), slot));
  };
  std::optional<net::response> timed_out;
  auto before = world_.now();
  waiting(300, timed_out);
  machine_->run_until([&] { return timed_out.has_value(); });
  EXPECT_GE(world_.now() - before, 300ms);
  EXPECT_EQ(read<net::fetch_response>(*timed_out, 12).topics[0].partitions[0].records->size(), 0u);

  std::optional<net::response> fed;
  waiting(60'000, fed);
  before = world_.now();
  append(1, make_batch({"a"}));
  machine_->run_until([&] { return fed.has_value(); });
  EXPECT_LT(world_.now() - before, 1s);
  EXPECT_GT(read<net::fetch_response>(*fed, 12).topics[0].partitions[0].records->size(), 0u);

  std::optional<net::response> cut;
  auto request = fetch_from(1, 1);
  request.max_wait_ms = 60'000;
  auto body = net::join(net::encode(std::move(request), 12));
  machine_->start(0, keep_answer(answer(*this, net::api_key::fetch, 12, std::move(body)), cut));
  machine_->run(0, request_close(connection_));
  machine_->run_until([&] { return cut.has_value(); });
  EXPECT_EQ(cut->what, net::response::action::nothing);
  EXPECT_LT(world_.now() - before, 1s);
}

TEST_F(reading, a_parked_fetch_is_answered_when_the_broker_stops) {
  append(1, make_batch({"a"}));
  auto request = fetch_from(1, 1);
  request.max_wait_ms = 60'000;
  auto body = net::join(net::encode(std::move(request), 12));
  std::optional<net::response> ended;
  auto before = world_.now();
  machine_->start(0, keep_answer(answer(*this, net::api_key::fetch, 12, std::move(body)), ended));
  machine_->run(0, request_close(connection_, true));
  machine_->run_until([&] { return ended.has_value(); });
  EXPECT_LT(world_.now() - before, 1s);
  ASSERT_EQ(ended->what, net::response::action::reply);
  auto response = read<net::fetch_response>(*ended, 12);
  auto const& answer = response.topics.at(0).partitions.at(0);
  EXPECT_EQ(answer.error, none);
  EXPECT_EQ(answer.high_watermark, 1);
  EXPECT_EQ(answer.records->size(), 0u);
}

TEST_F(reading, finds_records_by_time_inside_a_compressed_batch) {
  append(1, make_batch({"a", "b", "c"}, {.compression = log::codec::lz4}, 5000));
  auto found = look_up(5001);
  EXPECT_EQ(found.error, none);
  EXPECT_EQ(found.offset, 1);
  EXPECT_EQ(found.timestamp, 5001);
  EXPECT_EQ(look_up(0).offset, 0);
  auto none_there = look_up(6000);
  EXPECT_EQ(none_there.error, none);
  EXPECT_EQ(none_there.offset, -1);
  EXPECT_EQ(none_there.timestamp, -1);
  EXPECT_EQ(look_up(net::max_timestamp).offset, 2);
}

TEST_F(reading, finds_the_ends_and_says_what_it_does_not_know) {
  append(1, make_batch({"a", "b"}));
  EXPECT_EQ(look_up(net::latest_timestamp).offset, 2);
  EXPECT_EQ(look_up(net::latest_timestamp).timestamp, -1);
  EXPECT_EQ(look_up(net::earliest_timestamp).offset, 0);
  EXPECT_EQ(look_up(net::max_timestamp, 6).error, unsupported_version);
  // Nothing is remote: what is local begins where the log does.
  EXPECT_EQ(look_up(-4).error, unsupported_version);
  EXPECT_EQ(look_up(-4, 8).offset, 0);
  EXPECT_EQ(look_up(-5, 8).error, unsupported_version);
  EXPECT_EQ(look_up(-5, 9).error, none);
  EXPECT_EQ(look_up(-5, 9).offset, -1);
  EXPECT_EQ(look_up(-6, 10).error, unsupported_version);
  EXPECT_EQ(look_up(net::latest_timestamp, 7, 50).error, unknown_leader_epoch);
  net::list_offsets_request twice{.replica_id = -1};
  twice.topics.push_back({"t", {{.index = 0, .timestamp = -1}, {.index = 0, .timestamp = -2}}});
  for (auto const& each :
       ask<net::list_offsets_response>(std::move(twice), 7).topics.at(0).partitions) {
    EXPECT_EQ(each.error, invalid_request);
  }
}

TEST_F(reading, the_end_of_an_epoch) {
  append(1, make_batch({"a", "b"}));
  auto end_of = [&](std::int32_t epoch) {
    net::offset_for_leader_epoch_request request{.replica_id = -1};
    request.topics.push_back({"t", {{.index = 1, .leader_epoch = epoch}}});
    return ask<net::offset_for_leader_epoch_response>(std::move(request), 4)
        .topics.at(0)
        .partitions.at(0);
  };
  auto current = log_of("t", 1).latest_epoch().value;
  EXPECT_EQ(end_of(current).end_offset, 2);
  EXPECT_EQ(end_of(current).leader_epoch, current);
  EXPECT_EQ(end_of(current + 1).end_offset, -1);
  EXPECT_EQ(end_of(current + 1).leader_epoch, -1);
}

}  // namespace
}  // namespace karst::cluster::testing
