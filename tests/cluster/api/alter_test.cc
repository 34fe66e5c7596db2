// Requests that change topics which exist, and those that look into directories.
#include "net/messages/alter_configs.h"
#include "net/messages/create_partitions.h"
#include "net/messages/delete_records.h"
#include "net/messages/describe_log_dirs.h"
#include "net/messages/fetch.h"
#include "net/messages/incremental_alter_configs.h"
#include "net/messages/metadata.h"
#include "net/messages/produce.h"
#include "tests/cluster/api/broker_fixture.h"

namespace karst::cluster::testing {
namespace {

using enum net::error_code;
using ::testing::HasSubstr;

class altering : public broker_fixture {
 protected:
  void SetUp() override { create_topic("t", 2); }

  void append(std::int32_t partition, int count) {
    for (int i = 0; i < count; ++i) {
      net::produce_request request{.acks = -1};
      request.topics.push_back({"t", {}});
      request.topics.back().partitions.push_back({partition, make_batch({"a"})});
      auto response = ask<net::produce_response>(std::move(request), 9);
      ASSERT_EQ(response.topics[0].partitions[0].error, none);
    }
  }
  std::vector<net::delete_records_response::partition> delete_records(
      std::string_view topic, std::vector<net::delete_records_request::partition> partitions) {
    net::delete_records_request request;
    request.topics.push_back({topic, std::move(partitions)});
    return ask<net::delete_records_response>(std::move(request), 2, 1).topics.at(0).partitions;
  }
  std::size_t partitions() {
    net::metadata_request request;
    request.topics->push_back({.name = "t"});
    return ask<net::metadata_response>(std::move(request), 12, 1).topics.at(0).partitions.size();
  }
};

TEST_F(altering, records_are_deleted_up_to_an_offset_or_to_the_high_watermark) {
  append(0, 5);
  append(1, 5);
  auto answers = delete_records("t", {{0, 3}, {1, -1}});
  EXPECT_EQ(answers[0].error, none);
  EXPECT_EQ(answers[0].low_watermark, 3);
  EXPECT_EQ(answers[1].low_watermark, 5);
  net::fetch_request request{.max_bytes = 1 << 20};
  request.topics.push_back({.name = "t", .partitions = {{.index = 0, .max_bytes = 1000}}});
  auto fetched = ask<net::fetch_response>(std::move(request), 12);
  EXPECT_EQ(fetched.topics.at(0).partitions.at(0).error, offset_out_of_range);
  // Less than what is deleted is no change, more than there is an error.
  answers = delete_records("t", {{0, 1}, {1, 6}});
  EXPECT_EQ(answers[0].low_watermark, 3);
  EXPECT_EQ(answers[1].error, offset_out_of_range);
  EXPECT_EQ(answers[1].low_watermark, -1);
}

TEST_F(altering, records_that_may_not_be_deleted) {
  EXPECT_EQ(delete_records("t", {{0, -2}})[0].error, offset_out_of_range);
  EXPECT_EQ(delete_records("t", {{9, 0}})[0].error, unknown_topic_or_partition);
  EXPECT_EQ(delete_records("u", {{0, 0}})[0].error, unknown_topic_or_partition);
  log_of("t", 0).set_config({.delete_old = false, .compact = true});
  EXPECT_EQ(delete_records("t", {{0, 0}})[0].error, policy_violation);
  // Named twice: answered once, as named last.
  auto twice = delete_records("t", {{1, 7}, {1, 0}});
  ASSERT_EQ(twice.size(), 1u);
  EXPECT_EQ(twice[0].error, none);
}

TEST_F(altering, partitions_are_added_and_seen_from_every_core) {
  net::create_partitions_request request{.timeout_ms = 1000};
  request.topics.push_back({.name = "t", .count = 5, .assignments = std::nullopt});
  request.topics.push_back({.name = "u", .count = 5, .assignments = std::nullopt});
  request.topics.push_back({.name = "twice", .count = 5, .assignments = std::nullopt});
  request.topics.push_back({.name = "twice", .count = 6, .assignments = std::nullopt});
  auto results = ask<net::create_partitions_response>(std::move(request), 3, 1).results;
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0].error, none);
  EXPECT_FALSE(results[0].error_message.has_value());
  EXPECT_EQ(results[1].error, unknown_topic_or_partition);
  EXPECT_EQ(results[2].error, invalid_request);
  EXPECT_EQ(partitions(), 5u);
  append(0, 1);
  EXPECT_EQ(log_of("t", 4).log_end().value, 0);
}

TEST_F(altering, settings_answer_each_resource_once) {
  net::incremental_alter_configs_request request;
  auto const topic = std::int8_t{2};
  request.resources.push_back({topic, "t", {{"retention.ms", 0, "1000"}}});
  request.resources.push_back({topic, "u", {{"retention.ms", 0, "1000"}}});
  request.resources.push_back({std::int8_t{4}, "7", {{"message.max.bytes", 0, "1000"}}});
  request.resources.push_back({topic, "twice", {}});
  request.resources.push_back({topic, "twice", {}});
  request.resources.push_back({std::int8_t{16}, "x", {}});
  auto answers = ask<net::incremental_alter_configs_response>(std::move(request), 1, 1).responses;
  ASSERT_EQ(answers.size(), 5u);
  EXPECT_EQ(answers[0].error, none);
  EXPECT_EQ(answers[1].error, unknown_topic_or_partition);
  EXPECT_EQ(answers[2].error, invalid_request);
  EXPECT_THAT(answers[2].error_message.value_or(""), HasSubstr("restart"));
  EXPECT_EQ(answers[3].error, invalid_request);
  EXPECT_EQ(answers[4].error, invalid_request);
  EXPECT_EQ(log_of("t", 0).config().retention_ms, 1000);
  EXPECT_EQ(log_of("t", 1).config().retention_ms, 1000);
}

TEST_F(altering, the_old_request_replaces_all_settings) {
  auto alter = [&](std::vector<net::alter_configs_request::config> configs, bool validate = false) {
    net::alter_configs_request request{.validate_only = validate};
    request.resources.push_back({std::int8_t{2}, "t", std::move(configs)});
    return ask<net::alter_configs_response>(std::move(request), 2).responses.at(0).error;
  };
  EXPECT_EQ(alter({{"retention.ms", "1000"}, {"segment.bytes", "65536"}}), none);
  EXPECT_EQ(alter({{"segment.bytes", "65537"}}, true), none);
  EXPECT_EQ(alter({{"segment.bytes", "65538"}}), none);
  EXPECT_EQ(log_of("t", 0).config().segment_bytes, 65538);
  EXPECT_EQ(log_of("t", 0).config().retention_ms, 604'800'000);
  EXPECT_EQ(alter({{"segment.bytes", std::nullopt}}), invalid_request);
  EXPECT_EQ(alter({{"segment.bytes", "few"}}), invalid_config);
}

TEST_F(altering, without_directories_there_are_none_to_describe) {
  net::describe_log_dirs_request request{.topics = std::nullopt};
  auto response = ask<net::describe_log_dirs_response>(std::move(request), 4, 1);
  EXPECT_EQ(response.error, none);
  EXPECT_TRUE(response.results.empty());
}

}  // namespace
}  // namespace karst::cluster::testing
