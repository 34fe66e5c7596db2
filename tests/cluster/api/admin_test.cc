#include "net/messages/create_topics.h"
#include "net/messages/delete_topics.h"
#include "net/messages/describe_cluster.h"
#include "net/messages/describe_configs.h"
#include "net/messages/init_producer_id.h"
#include "net/messages/metadata.h"
#include "tests/cluster/api/broker_fixture.h"

namespace karst::cluster::testing {
namespace {

using enum net::error_code;

class admin : public broker_fixture {
 protected:
  admin() : broker_fixture({{"auto.create.topics.enable", "true"}}) {}

  net::metadata_response describe(std::vector<std::string_view> names, std::int16_t version,
                                  bool create = false) {
    net::metadata_request request{.allow_auto_topic_creation = create};
    for (auto name : names) request.topics->push_back({.id = {}, .name = name});
    return ask<net::metadata_response>(std::move(request), version, 1);
  }
};

TEST_F(admin, metadata_null_asks_for_all_and_empty_for_none_except_in_version_0) {
  create_topic("a");
  create_topic("b");
  EXPECT_EQ(describe({}, 0).topics.size(), 2u);
  for (std::int16_t version = 1; version <= 12; ++version) {
    EXPECT_EQ(describe({}, version).topics.size(), 0u);
    net::metadata_request all{.topics = std::nullopt};
    auto response = ask<net::metadata_response>(std::move(all), version);
    ASSERT_EQ(response.topics.size(), 2u);
    EXPECT_EQ(response.topics[1].name, "b");
    EXPECT_EQ(response.topics[0].partitions.size(), 2u);
    EXPECT_EQ(response.topics[0].partitions[1].leader_id, 7);
    EXPECT_EQ(response.brokers.at(0).host, "host");
    EXPECT_EQ(response.controller_id, 7);
    EXPECT_EQ(response.topics[0].authorized_operations, net::operations_not_requested);
  }
}

TEST_F(admin, metadata_of_topics_that_are_not_there) {
  auto response = describe({"new", "bad name", "new"}, 8);
  ASSERT_EQ(response.topics.size(), 2u);
  EXPECT_EQ(response.topics[0].error, unknown_topic_or_partition);
  EXPECT_EQ(response.topics[1].error, invalid_topic_exception);
  response = describe({"new"}, 8, true);
  EXPECT_EQ(response.topics[0].error, none);
  EXPECT_EQ(response.topics[0].partitions.at(0).leader_id, 7);
  EXPECT_EQ(describe({"new"}, 8).topics[0].error, none);
}

TEST_F(admin, metadata_by_id) {
  create_topic("a");
  auto id = describe({"a"}, 12).topics.at(0).id;
  EXPECT_FALSE(id.is_zero());
  net::metadata_request request;
  request.topics->push_back({.id = id, .name = std::nullopt});
  request.topics->push_back({.id = make_uuid(1, 2), .name = std::nullopt});
  auto topics = ask<net::metadata_response>(std::move(request), 12).topics;
  EXPECT_EQ(topics.at(0).name, "a");
  EXPECT_EQ(topics.at(1).error, unknown_topic_id);
  EXPECT_FALSE(topics.at(1).name.has_value());
}

TEST_F(admin, topics_are_created_with_their_configuration_and_deleted_by_name_or_id) {
  net::create_topics_request create;
  create.topics.push_back({.name = "a", .partitions = 3, .replication_factor = 1});
  create.topics[0].configs.push_back({"retention.ms", "1000"});
  create.topics.push_back({.name = "b", .partitions = -1, .replication_factor = -1});
  create.topics.push_back({.name = "b/", .partitions = 1, .replication_factor = 1});
  create.topics.push_back({.name = "c", .partitions = 1, .replication_factor = 1});
  create.topics.push_back({.name = "c", .partitions = 1, .replication_factor = 1});
  auto topics = ask<net::create_topics_response>(std::move(create), 7, 1).topics;
  ASSERT_EQ(topics.size(), 4u);
  EXPECT_EQ(topics[0].error, none);
  EXPECT_EQ(topics[0].partitions, 3);
  auto retention = std::ranges::find(*topics[0].configs, "retention.ms",
                                     &net::create_topics_response::config::name);
  ASSERT_NE(retention, topics[0].configs->end());
  EXPECT_EQ(retention->value, "1000");
  EXPECT_EQ(topics[1].partitions, 1);
  EXPECT_EQ(topics[2].error, invalid_topic_exception);
  EXPECT_EQ(topics[3].error, invalid_request);

  net::delete_topics_request by_id{.timeout_ms = 1000};
  by_id.topics.push_back({.name = std::nullopt, .id = topics[0].id});
  by_id.topics.push_back({.name = std::nullopt, .id = make_uuid(3, 4)});
  by_id.topics.push_back({.name = "b", .id = topics[1].id});
  auto deleted = ask<net::delete_topics_response>(std::move(by_id), 6).topics;
  EXPECT_EQ(deleted.at(0).error, none);
  EXPECT_EQ(deleted.at(0).name, "a");
  EXPECT_EQ(deleted.at(1).error, unknown_topic_id);
  EXPECT_EQ(deleted.at(2).error, invalid_request);
  net::delete_topics_request by_name{.topic_names = {"a", "b"}, .timeout_ms = 1000};
  deleted = ask<net::delete_topics_response>(std::move(by_name), 5).topics;
  EXPECT_EQ(deleted.at(0).error, unknown_topic_or_partition);
  EXPECT_FALSE(deleted.at(0).error_message.has_value());
  EXPECT_EQ(deleted.at(1).error, none);
}

TEST_F(admin, a_topic_named_twice_is_not_deleted) {
  create_topic("a");
  create_topic("b");
  net::delete_topics_request request{.topic_names = {"a", "b", "a"}, .timeout_ms = 1000};
  auto deleted = ask<net::delete_topics_response>(std::move(request), 5).topics;
  ASSERT_EQ(deleted.size(), 2u);
  EXPECT_EQ(deleted[0].error, invalid_request);
  EXPECT_EQ(deleted[1].error, none);
  EXPECT_EQ(describe({"a"}, 8).topics.at(0).error, none);
}

// As Kafka 3.9: what cannot be done is said at once; what is begun goes on when its time is over.
TEST_F(admin, changes_that_are_not_waited_for_are_done_all_the_same) {
  create_topic("old");
  net::create_topics_request create{.timeout_ms = 0};
  for (auto name : {"old", "new", "newer"}) {
    create.topics.push_back({.name = name, .partitions = 1, .replication_factor = 1});
  }
  auto created = ask<net::create_topics_response>(std::move(create), 7).topics;
  EXPECT_EQ(created.at(0).error, topic_already_exists);
  EXPECT_EQ(created.at(1).error, request_timed_out);
  EXPECT_EQ(created.at(2).error, request_timed_out);
  auto exists = [&](std::string_view name) { return describe({name}, 8).topics[0].error == none; };
  machine_->run_until([&] { return exists("new") && exists("newer"); });

  create_topic("last");  // in turn: all changes before it are done
  net::create_topics_request checked{.timeout_ms = 0, .validate_only = true};
  checked.topics.push_back({.name = "other", .partitions = 1, .replication_factor = 1});
  EXPECT_EQ(ask<net::create_topics_response>(std::move(checked), 7).topics.at(0).error, none);

  net::delete_topics_request remove{.topic_names = {"new", "missing"}, .timeout_ms = 0};
  auto removed = ask<net::delete_topics_response>(std::move(remove), 5).topics;
  EXPECT_EQ(removed.at(0).error, request_timed_out);
  EXPECT_EQ(removed.at(1).error, unknown_topic_or_partition);
  machine_->run_until([&] { return !exists("new"); });
}

TEST_F(admin, configurations_by_key) {
  create_topic("a");
  net::describe_configs_request request;
  request.resources.push_back(
      {.type = 2, .name = "a", .keys = {{"cleanup.policy", "no.such.key"}}});
  request.resources.push_back({.type = 2, .name = "missing", .keys = std::nullopt});
  request.resources.push_back({.type = 4, .name = "7", .keys = {{"num.partitions"}}});
  request.resources.push_back({.type = 4, .name = "8", .keys = std::nullopt});
  request.resources.push_back({.type = 2, .name = "a", .keys = std::nullopt});
  auto results = ask<net::describe_configs_response>(std::move(request), 4, 1).results;
  ASSERT_EQ(results.size(), 5u);
  ASSERT_EQ(results[0].configs.size(), 1u);
  EXPECT_EQ(results[0].configs[0].value, "delete");
  EXPECT_FALSE(results[0].configs[0].documentation.has_value());
  EXPECT_EQ(results[1].error, unknown_topic_or_partition);
  ASSERT_EQ(results[2].configs.size(), 1u);
  EXPECT_EQ(results[3].error, invalid_request);
  EXPECT_GT(results[4].configs.size(), 20u);
}

TEST_F(admin, producer_ids_differ_and_transactions_are_refused) {
  auto first = ask<net::init_producer_id_response>(
      net::init_producer_id_request{.transactional_id = std::nullopt}, 4);
  auto second = ask<net::init_producer_id_response>(
      net::init_producer_id_request{.transactional_id = std::nullopt}, 0, 1);
  EXPECT_EQ(first.error, none);
  EXPECT_EQ(first.producer_epoch, 0);
  EXPECT_NE(first.producer_id, second.producer_id);
  auto refused = ask<net::init_producer_id_response>(
      net::init_producer_id_request{.transactional_id = "x"}, 4);
  EXPECT_EQ(refused.error, invalid_request);
  EXPECT_EQ(refused.producer_id, -1);
}

TEST_F(admin, the_cluster) {
  auto cluster = ask<net::describe_cluster_response>(net::describe_cluster_request{}, 1);
  EXPECT_EQ(cluster.cluster_id, "cluster");
  EXPECT_EQ(cluster.controller_id, 7);
  EXPECT_EQ(cluster.brokers.at(0).port, 9092);
  auto controllers =
      ask<net::describe_cluster_response>(net::describe_cluster_request{.endpoint_type = 2}, 1);
  EXPECT_EQ(controllers.error, mismatched_endpoint_type);
}

}  // namespace
}  // namespace karst::cluster::testing
