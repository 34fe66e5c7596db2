#include "cluster/topic_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/config_loader.h"

namespace karst::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

broker_config broker_with(std::vector<std::string> assignments) {
  auto loaded = load_config({.assignments = std::move(assignments)});
  EXPECT_TRUE(loaded);
  return loaded ? loaded->config : broker_config{};
}

described_config described(broker_config const& broker, config_overrides const& overrides,
                           std::string_view name) {
  for (auto& entry : describe_topic_configs(broker, overrides)) {
    if (entry.name == name) return entry;
  }
  ADD_FAILURE() << name;
  return {};
}

std::vector<std::string> synonyms(described_config const& entry) {
  std::vector<std::string> texts;
  for (auto const& synonym : entry.synonyms) {
    texts.push_back(fmt::format("{}:{}={}", static_cast<int>(synonym.source), synonym.name,
                                synonym.value.value_or("null")));
  }
  return texts;
}

TEST(topic_config, has_every_key_of_kafka_in_order) {
  std::string_view last;
  for (auto const& topic : topic_config_definitions()) {
    auto const& definition = topic.definition;
    EXPECT_LT(last, definition.name);
    last = definition.name;
    ASSERT_TRUE(definition.default_value) << definition.name;
    EXPECT_TRUE(check_value(definition, *definition.default_value)) << definition.name;
    for (auto const& synonym : topic.synonyms) {
      EXPECT_NE(find_broker_config(synonym.name), nullptr) << synonym.name;
    }
  }
  EXPECT_EQ(topic_config_definitions().size(), 36U);  // Kafka 3.9's LogConfig
}

TEST(topic_config, retention_comes_from_the_strongest_broker_key_that_is_set) {
  EXPECT_EQ(make_log_config({}, {}).retention_ms, 604'800'000);
  EXPECT_EQ(make_log_config(broker_with({"log.retention.hours=2"}), {}).retention_ms, 7'200'000);
  EXPECT_EQ(make_log_config(broker_with({"log.retention.hours=2", "log.retention.minutes=1"}), {})
                .retention_ms,
            60'000);
  auto all =
      broker_with({"log.retention.hours=2", "log.retention.minutes=1", "log.retention.ms=5"});
  EXPECT_EQ(make_log_config(all, {}).retention_ms, 5);
  EXPECT_EQ(make_log_config(all, {{"retention.ms", "7"}}).retention_ms, 7);
  EXPECT_EQ(make_log_config(broker_with({"log.retention.hours=-1"}), {}).retention_ms, -1);
}

TEST(topic_config, every_field_of_the_log_follows_its_keys) {
  auto broker = broker_with(
      {"log.segment.bytes=2000000", "log.roll.hours=1", "log.index.size.max.bytes=5000",
       "log.index.interval.bytes=100", "message.max.bytes=2000", "log.retention.bytes=77",
       "log.flush.interval.messages=10", "log.message.timestamp.type=LogAppendTime",
       "log.message.timestamp.before.max.ms=12", "log.message.timestamp.after.max.ms=13",
       "compression.type=lz4"});
  auto config = make_log_config(broker, {});
  EXPECT_EQ(config.segment_bytes, 2'000'000);
  EXPECT_EQ(config.segment_ms, 3'600'000);
  EXPECT_EQ(config.segment_index_bytes, 5000);
  EXPECT_EQ(config.index_interval_bytes, 100);
  EXPECT_EQ(config.max_message_bytes, 2000);
  EXPECT_EQ(config.retention_bytes, 77);
  EXPECT_EQ(config.flush_messages, 10);
  EXPECT_EQ(config.message_timestamp_type, log::timestamp_type::log_append_time);
  EXPECT_EQ(config.timestamp_before_max_ms, 12);
  EXPECT_EQ(config.timestamp_after_max_ms, 13);
  EXPECT_EQ(config.recompress_to, 3);
}

TEST(topic_config, an_acknowledgement_means_on_disk_unless_told_otherwise) {
  EXPECT_EQ(make_log_config({}, {}).flush_messages, 1);
}

TEST(topic_config, describes_source_and_synonyms_as_kafka_does) {
  EXPECT_THAT(synonyms(described({}, {}, "retention.ms")),
              ElementsAre("5:log.retention.hours=168"));
  EXPECT_EQ(described({}, {}, "retention.ms").source, described_source::default_value);
  auto broker = broker_with({"log.retention.minutes=1"});
  auto entry = described(broker, {{"retention.ms", "9"}}, "retention.ms");
  EXPECT_EQ(entry.value, "9");
  EXPECT_EQ(entry.source, described_source::dynamic_topic);
  EXPECT_EQ(entry.type, config_type::int64);
  EXPECT_THAT(synonyms(entry), ElementsAre("1:retention.ms=9", "4:log.retention.minutes=1",
                                           "5:log.retention.hours=168"));
  auto unset = described(broker, {}, "retention.ms");
  EXPECT_EQ(unset.value, "60000");
  EXPECT_EQ(unset.source, described_source::static_broker);
}

TEST(topic_config, an_unset_key_follows_the_broker_and_is_never_frozen) {
  config_overrides overrides{{"segment.bytes", "1048576"}};
  EXPECT_EQ(described(broker_with({"log.cleanup.policy=delete", "compression.type=gzip"}),
                      overrides, "compression.type")
                .value,
            "gzip");
  EXPECT_EQ(described({}, overrides, "compression.type").value, "producer");
}

TEST(topic_config, describes_the_broker_read_only) {
  auto broker = broker_with({"num.partitions=3"});
  for (auto const& entry : describe_broker_configs(broker)) {
    EXPECT_TRUE(entry.read_only) << entry.name;
    if (entry.name == "num.partitions") {
      EXPECT_EQ(entry.value, "3");
      EXPECT_EQ(entry.source, described_source::static_broker);
      EXPECT_THAT(synonyms(entry), ElementsAre("4:num.partitions=3", "5:num.partitions=1"));
    }
  }
}

TEST(topic_config, refuses_what_is_unknown_illegal_or_not_there_yet) {
  auto text = [](config_overrides const& overrides) {
    auto checked = check_topic_overrides(overrides);
    return checked ? std::string{} : checked.error().message();
  };
  EXPECT_THAT(text({{"retention.hours", "1"}}),
              AllOf(HasSubstr("retention.hours"), HasSubstr("did you mean retention.bytes?")));
  EXPECT_THAT(text({{"retention", "1"}}), HasSubstr("did you mean retention.ms?"));
  EXPECT_THAT(text({{"retention.ms", "soon"}}), HasSubstr("retention.ms"));
  EXPECT_THAT(text({{"segment.bytes", "13"}}), HasSubstr("segment.bytes"));
  EXPECT_EQ(text({{"cleanup.policy", "compact"}}), "");
  EXPECT_EQ(text({{"cleanup.policy", "delete,compact"}}), "");
  EXPECT_THAT(text({{"min.cleanable.dirty.ratio", "1.5"}}), HasSubstr("min.cleanable.dirty.ratio"));
  EXPECT_THAT(text({{"cleanup.policy", "shred"}}), HasSubstr("delete, compact"));
  EXPECT_THAT(text({{"remote.storage.enable", "true"}}), HasSubstr("tiered"));
  EXPECT_EQ(text({{"cleanup.policy", "delete"}, {"retention.ms", "-1"}}), "");
}

TEST(topic_config, both_orders_of_the_two_policies_mean_both) {
  broker_config const broker;
  auto config_of = [&broker](std::string policy) {
    return make_log_config(broker, {{"cleanup.policy", std::move(policy)},
                                    {"min.cleanable.dirty.ratio", "0.25"},
                                    {"delete.retention.ms", "7"},
                                    {"min.compaction.lag.ms", "8"},
                                    {"max.compaction.lag.ms", "9"}});
  };
  for (auto const* policy : {"compact,delete", "delete,compact", "delete, compact"}) {
    EXPECT_TRUE(config_of(policy).compact);
    EXPECT_TRUE(config_of(policy).delete_old);
  }
  auto const compacted = config_of("compact");
  EXPECT_TRUE(compacted.compact);
  EXPECT_FALSE(compacted.delete_old);
  EXPECT_EQ(compacted.min_cleanable_dirty_ratio, 0.25);
  EXPECT_EQ(compacted.delete_retention_ms, 7);
  EXPECT_EQ(compacted.min_compaction_lag_ms, 8);
  EXPECT_EQ(compacted.max_compaction_lag_ms, 9);
  EXPECT_FALSE(config_of("delete").compact);
  EXPECT_TRUE(make_log_config(broker, {}).delete_old);
}

}  // namespace
}  // namespace karst::cluster
