#pragma once

#include <string_view>

#include "cluster/broker_config.h"
#include "cluster/topics.h"

namespace karst::cluster {

// Committed offsets and groups, compacted (Kafka: Topic.GROUP_METADATA_TOPIC_NAME).
inline constexpr std::string_view offsets_topic = "__consumer_offsets";
inline constexpr std::string_view transactions_topic = "__transaction_state";

// Topics that the broker itself writes; clients may read them.
constexpr bool is_internal_topic(std::string_view name) {
  return name == offsets_topic || name == transactions_topic;
}

// How an internal topic is made: its partitions from the configuration, its replication factor at
// most the number of brokers. The defaults for any other name.
topic_request automatic_topic_request(std::string_view name, broker_config const& config,
                                      std::size_t brokers);

}  // namespace karst::cluster
