#include "net/messages/produce.h"
#include "reactor/waiters.h"
#include "tests/cluster/api/broker_fixture.h"

namespace karst::cluster::testing {
namespace {

using request_type = net::produce_request;
using response_type = net::produce_response;
using enum net::error_code;

class produce : public broker_fixture {
 protected:
  void SetUp() override { create_topic("t", 3); }

  static request_type one(std::string_view topic, std::int32_t partition, buffer_chain records,
                          std::int16_t acks = -1) {
    request_type request{.acks = acks, .timeout_ms = 1000};
    add(request, topic, partition, std::move(records));
    return request;
  }
  static void add(request_type& request, std::string_view topic, std::int32_t partition,
                  buffer_chain records) {
    if (request.topics.empty() || request.topics.back().name != topic)
      request.topics.push_back({topic, {}});
    request.topics.back().partitions.push_back({partition, std::move(records)});
  }
  response_type::partition answer_to(request_type request, std::int16_t version = 9,
                                     core_id from = 0) {
    auto response = ask<response_type>(std::move(request), version, from);
    return response.topics.at(0).partitions.at(0);
  }
};

task<wall_ms> wall_now() { co_return core::current().clock().wall_now(); }

TEST_F(produce, answers_every_partition_in_the_order_of_the_request) {
  request_type request{.acks = -1};
  add(request, "t", 2, make_batch({"a", "b"}));
  add(request, "t", 0, make_batch({"c"}));
  add(request, "missing", 0, make_batch({"d"}));
  add(request, "t", 1, make_batch({"e"}));
  add(request, "t", 9, make_batch({"f"}));
  auto response = ask<response_type>(std::move(request), 9, 1);
  std::string seen;
  for (auto const& topic : response.topics) {
    for (auto const& each : topic.partitions) {
      seen += fmt::format("{}-{} {} {}; ", topic.name, each.index, name_of(each.error),
                          each.base_offset);
    }
  }
  EXPECT_EQ(seen,
            "t-2 NONE 0; t-0 NONE 0; t-1 NONE 0; t-9 UNKNOWN_TOPIC_OR_PARTITION -1; "
            "missing-0 UNKNOWN_TOPIC_OR_PARTITION -1; ");
}

TEST_F(produce, a_partition_named_twice_is_answered_once_and_loses_nothing_silently) {
  request_type request{.acks = -1};
  add(request, "t", 2, make_batch({"a"}));
  add(request, "t", 1, make_batch({"b"}));
  add(request, "missing", 0, make_batch({"c"}));
  add(request, "t", 2, make_batch({"d"}));
  auto response = ask<response_type>(std::move(request), 9);
  ASSERT_EQ(response.topics.size(), 2u);
  auto const& parts = response.topics[0].partitions;
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].index, 2);
  EXPECT_EQ(parts[0].error, invalid_request);
  EXPECT_EQ(parts[1].error, none);
  EXPECT_EQ(log_of("t", 2).log_end().value, 0);
}

// What Kafka 3.9 answers: the records by index, the text for all, the start of the log.
TEST_F(produce, records_out_of_time_are_named_one_by_one) {
  log::log_config config{.timestamp_before_max_ms = 1000};
  log_of("t", 0).set_config(config);
  auto now = machine_->run(0, wall_now());
  log::batch_builder mixed{{}};
  mixed.add(now, std::nullopt, "in time");
  mixed.add(now - 5000, std::nullopt, "late");
  mixed.add(now - 6000, std::nullopt, "later");
  auto late = mixed.finish();
  for (std::int16_t version : {8, 9}) {
    auto answer = answer_to(one("t", 0, buffer_chain{late.share()}), version);
    EXPECT_EQ(answer.error, invalid_timestamp);
    EXPECT_EQ(answer.log_start_offset, 0);
    ASSERT_EQ(answer.record_errors.size(), 2u);
    EXPECT_EQ(answer.record_errors[0].batch_index, 1);
    EXPECT_EQ(answer.record_errors[1].batch_index, 2);
    EXPECT_THAT(answer.record_errors[0].message.value_or(""), ::testing::HasSubstr("out of range"));
    EXPECT_THAT(answer.error_message.value_or(""), ::testing::HasSubstr("2 of 3"));
  }
  EXPECT_TRUE(answer_to(one("t", 0, buffer_chain{late.share()}), 7).record_errors.empty());
}

TEST_F(produce, bad_records_get_their_codes_and_a_text) {
  auto corrupt = make_batch({"a"}).to_string();
  corrupt.back() ^= 1;
  auto old = make_batch({"a"}).to_string();
  old[log::batch_layout::magic] = 1;
  auto control = log::batch_options{.control = true};
  EXPECT_EQ(answer_to(one("t", 0, chain_of(corrupt))).error, corrupt_message);
  EXPECT_EQ(answer_to(one("t", 0, chain_of("abcde"))).error, corrupt_message);
  EXPECT_EQ(answer_to(one("t", 0, chain_of(old))).error, unsupported_for_message_format);
  EXPECT_EQ(answer_to(one("t", 0, make_batch({"a"}, control))).error, invalid_record);
  EXPECT_EQ(answer_to(one("t", 0, {})).error, invalid_record);
  auto large = answer_to(one("t", 0, make_batch({std::string(2'000'000, 'x')})));
  EXPECT_EQ(large.error, message_too_large);
  EXPECT_THAT(large.error_message.value_or(""), ::testing::HasSubstr("1048588"));
  EXPECT_EQ(log_of("t", 0).log_end().value, 0);
}

TEST_F(produce, zstd_needs_version_7) {
  auto zstd = log::batch_options{.compression = log::codec::zstd};
  EXPECT_EQ(answer_to(one("t", 0, make_batch({"a"}, zstd)), 6).error, unsupported_compression_type);
  EXPECT_EQ(answer_to(one("t", 0, make_batch({"a"}, zstd)), 7).error, none);
}

TEST_F(produce, a_retried_batch_gets_its_first_offset_again) {
  auto numbered = [](std::int32_t sequence) {
    return make_batch({"a", "b"},
                      {.producer = {5}, .producer_epoch = 0, .base_sequence = sequence});
  };
  EXPECT_EQ(answer_to(one("t", 1, numbered(0))).base_offset, 0);
  EXPECT_EQ(answer_to(one("t", 1, numbered(2))).base_offset, 2);
  auto again = answer_to(one("t", 1, numbered(0)));
  EXPECT_EQ(again.error, none);
  EXPECT_EQ(again.base_offset, 0);
  EXPECT_EQ(answer_to(one("t", 1, numbered(20))).error, out_of_order_sequence_number);
  EXPECT_EQ(log_of("t", 1).log_end().value, 4);
}

TEST_F(produce, without_acks_nothing_is_answered_and_a_failure_closes) {
  auto good = send(one("t", 1, make_batch({"a"}), 0), 9);
  EXPECT_EQ(good.what, net::response::action::nothing);
  EXPECT_EQ(log_of("t", 1).log_end().value, 1);
  auto bad = send(one("missing", 0, make_batch({"a"}), 0), 9);
  EXPECT_EQ(bad.what, net::response::action::close);
  EXPECT_THAT(bad.reason, ::testing::HasSubstr("UNKNOWN_TOPIC_OR_PARTITION"));
}

TEST_F(produce, refuses_other_acks_and_transactions) {
  EXPECT_EQ(answer_to(one("t", 0, make_batch({"a"}), 5)).error, invalid_required_acks);
  auto request = one("t", 0, make_batch({"a"}));
  request.transactional_id = "x";
  EXPECT_EQ(answer_to(std::move(request)).error, invalid_txn_state);
  EXPECT_EQ(log_of("t", 0).log_end().value, 0);
}

task<> release(memory_log& log) {
  log.release();
  co_return;
}

task<> keep_answer(task<net::response> work, std::optional<net::response>& slot) {
  slot = co_await std::move(work);
}

task<> produce_on(task<net::response> work, bool& done) {
  (void)co_await std::move(work);
  done = true;
}

TEST_F(produce, is_acknowledged_when_durable_and_keeps_the_order_of_the_requests) {
  auto& log = log_of("t", 0);
  log.hold();
  bool done[2] = {false, false};
  // Both arrive on core 1; the partition is on core 0.
  for (int i = 0; i < 2; ++i) {
    auto request = one("t", 0, make_batch({i == 0 ? "first" : "second"}));
    auto body = net::join(net::encode(std::move(request), 9));
    machine_->start(1,
                    produce_on(answer(*this, net::api_key::produce, 9, std::move(body)), done[i]));
  }
  machine_->run_until([&] { return log.log_end().value == 2; });
  EXPECT_FALSE(done[0] || done[1]);
  machine_->run(0, release(log));
  machine_->run_until([&] { return done[0] && done[1]; });
  auto records = machine_->run(0, log.read({0}, {2}, {.max_bytes = 1000}));
  auto bytes = records->records.to_string();
  EXPECT_LT(bytes.find("first"), bytes.find("second"));
}

// The disk stalls: first for what is written, then for room to write.
TEST_F(produce, a_stalled_disk_holds_no_request_longer_than_its_timeout) {
  auto& log = log_of("t", 0);
  log.hold();
  auto before = world_.now();
  auto answer = answer_to(one("t", 0, make_batch({"a"})), 9, 1);
  EXPECT_EQ(answer.error, request_timed_out);
  EXPECT_THAT(answer.error_message.value_or(""), ::testing::HasSubstr("may still become durable"));
  EXPECT_GE(world_.now() - before, 1s);
  EXPECT_LT(world_.now() - before, 2s);
  machine_->run(0, release(log));
  EXPECT_EQ(log.durable_end().value, 1);

  log.hold_room();
  std::vector<std::optional<net::response>> answers(3);
  for (auto& each : answers) {
    auto body = net::join(net::encode(one("t", 0, make_batch({"b"})), 9));
    auto work = this->answer(*this, net::api_key::produce, 9, std::move(body));
    machine_->start(1, keep_answer(std::move(work), each));
  }
  machine_->run_until([&] {
    return std::ranges::all_of(answers, [](auto const& each) { return each.has_value(); });
  });
  for (auto const& each : answers) {
    auto part = read<response_type>(*each, 9).topics.at(0).partitions.at(0);
    EXPECT_EQ(part.error, request_timed_out);
    EXPECT_THAT(part.error_message.value_or(""), ::testing::HasSubstr("nothing was appended"));
  }
  machine_->run(0, release(log));
  EXPECT_EQ(log.log_end().value, 1);
  EXPECT_EQ(answer_to(one("t", 0, make_batch({"c"}))).base_offset, 1);
}

TEST_F(produce, who_came_to_the_wrong_broker_is_told_the_leader) {
  log_of("t", 0).fail(log::errc::closed);
  for (std::int16_t version : {9, 10, 12}) {
    SCOPED_TRACE(version);
    auto response = ask<response_type>(one("t", 0, make_batch({"a"})), version);
    auto const& part = response.topics.at(0).partitions.at(0);
    EXPECT_EQ(part.error, not_leader_or_follower);
    auto known = version >= 10;
    EXPECT_EQ(part.current_leader.leader_id, known ? 7 : -1);
    EXPECT_EQ(part.current_leader.leader_epoch >= 0, known);
    ASSERT_EQ(response.node_endpoints.size(), known ? 1u : 0u);
    if (!known) continue;
    EXPECT_EQ(response.node_endpoints[0].node_id, 7);
    EXPECT_EQ(response.node_endpoints[0].host, "host");
    EXPECT_EQ(response.node_endpoints[0].port, 9092);
  }
  auto missing = ask<response_type>(one("missing", 0, make_batch({"a"})), 12);
  EXPECT_EQ(missing.topics.at(0).partitions.at(0).current_leader.leader_id, -1);
  EXPECT_TRUE(missing.node_endpoints.empty());
}

TEST_F(produce, a_failed_log_is_a_storage_error_that_old_clients_understand) {
  log_of("t", 0).fail(log::errc::storage_failed);
  EXPECT_EQ(answer_to(one("t", 0, make_batch({"a"}))).error, kafka_storage_error);
  EXPECT_EQ(answer_to(one("t", 0, make_batch({"a"})), 3).error, not_leader_or_follower);
}

}  // namespace
}  // namespace karst::cluster::testing
