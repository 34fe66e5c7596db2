#include "bench/workload.h"

#include <gmock/gmock.h>

namespace karst::bench {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// 1-topic-16-partitions-1kb.yaml of the benchmark, with another number of topics and producers.
constexpr std::string_view example = R"(
name: 1 topic / 16 partition / 1kb

topics: 2
partitionsPerTopic: 16
messageSize: 1024
payloadFile: "payload/payload-1Kb.data"
subscriptionsPerTopic: 3
consumerPerSubscription: 2
producersPerTopic: 4
producerRate: 50000
consumerBacklogSizeGB: 0
testDurationMinutes: 15
warmupDurationMinutes: 0.5
)";

std::string refusal(std::string_view text) {
  auto read = read_workload(text, "w.yaml", {});
  return read ? "accepted" : read.error().message();
}

TEST(workload, a_file_of_the_benchmark_becomes_a_load) {
  auto read = read_workload(example, "w.yaml", {});
  ASSERT_TRUE(read) << read.error().message();
  auto const& load = read->load;
  EXPECT_EQ(load.topics, 2);
  EXPECT_EQ(load.partitions, 16);
  EXPECT_EQ(load.record_bytes, 1024U);
  EXPECT_EQ(load.connections, 8U);
  EXPECT_EQ(load.subscriptions, 3U);
  EXPECT_EQ(load.consumers, 12U);
  EXPECT_EQ(load.record_rate, 50'000);
  EXPECT_EQ(load.length, std::chrono::minutes{15});
  EXPECT_EQ(load.warm_up, 30s);
  EXPECT_EQ(read->payload_file, "payload/payload-1Kb.data");
  EXPECT_EQ(load.keys, 0U);
}

TEST(workload, what_is_not_in_the_file_stays) {
  auto read = read_workload("topics: 1", "w.yaml", {.record_bytes = 77, .acks = 1});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->load.record_bytes, 77U);
  EXPECT_EQ(read->load.acks, 1);
}

TEST(workload, random_payloads_take_the_place_of_the_file) {
  auto read = read_workload("useRandomizedPayloads: true\nrandomBytesRatio: 0.25\npayloadFile: x\n",
                            "w.yaml", {});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->load.random_bytes, 0.25);
  EXPECT_TRUE(read->payload_file.empty());
}

TEST(workload, keys_go_in_turn_and_another_way_is_noted) {
  auto round_robin = read_workload("keyDistributor: KEY_ROUND_ROBIN", "w.yaml", {});
  ASSERT_TRUE(round_robin);
  EXPECT_EQ(round_robin->load.keys, 10'000U);
  EXPECT_TRUE(round_robin->notes.empty());
  auto random = read_workload("keyDistributor: \"RANDOM_NANO\"", "w.yaml", {});
  ASSERT_TRUE(random);
  EXPECT_THAT(random->notes, testing::ElementsAre(StartsWith("RANDOM_NANO")));
  EXPECT_THAT(refusal("keyDistributor: SOME"), HasSubstr("NO_KEY, KEY_ROUND_ROBIN or"));
}

TEST(workload, an_unknown_key_is_refused_with_the_nearest) {
  EXPECT_EQ(refusal("topics: 1\nmesageSize: 5\n"),
            "w.yaml line 2: there is no key 'mesageSize' in a workload; did you mean messageSize?");
  EXPECT_THAT(refusal("qqq: 1"), HasSubstr("there is no key 'qqq' in a workload"));
}

TEST(workload, a_backlog_is_refused_with_the_way_to_have_one) {
  EXPECT_EQ(refusal("consumerBacklogSizeGB: 0"), "accepted");
  EXPECT_THAT(refusal("consumerBacklogSizeGB: 10"), HasSubstr("mixed --from-beginning"));
}

TEST(workload, values_that_cannot_be_are_refused_where_they_stand) {
  EXPECT_EQ(refusal("\ntopics: many\n"), "w.yaml line 2: topics must be a number from 1 to 10000");
  EXPECT_THAT(refusal("topics: 0"), StartsWith("w.yaml line 1: topics must be"));
  EXPECT_THAT(refusal("producerRate: -1"), StartsWith("w.yaml line 1: producerRate must be"));
  EXPECT_THAT(refusal("producerRate: .nan"), StartsWith("w.yaml line 1: producerRate must be"));
  EXPECT_THAT(refusal("topics: 10000\nproducersPerTopic: 10000\n"),
              HasSubstr("100000000 producers and 10000 consumers"));
  EXPECT_THAT(refusal("useRandomizedPayloads: maybe"), HasSubstr("must be true or false"));
  EXPECT_THAT(refusal("topics: ["), StartsWith("w.yaml line"));
  EXPECT_THAT(refusal("just text"), HasSubstr("is no workload"));
}

}  // namespace
}  // namespace karst::bench
