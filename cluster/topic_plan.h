#pragma once

#include "cluster/metadata_cache.h"
#include "cluster/refusal.h"
#include "cluster/topics.h"

namespace karst::cluster {

// What a request is judged by.
struct topic_rules {
  broker_config const& config;
  metadata_snapshot const& known;
  std::int64_t most_partitions = 0;   // that may still be added
  std::int64_t most_batch_bytes = 0;  // max.message.bytes above it cannot be stored
};

// The topic that a request asks for, with its replicas chosen and everything checked as Kafka
// checks it (kafka ZkAdminManager, AdminUtils), in the same order; ids, epochs and cores are not
// set yet. No I/O, nothing changes.
expected<topic_metadata, refusal> plan_topic(topic_request const& request,
                                             topic_rules const& rules);

// The partitions that a topic lacks to have `count` (KIP-195); assignments, if given, are theirs,
// in order.
expected<std::vector<partition_metadata>, refusal> plan_partitions(
    topic_metadata const& topic, partitions_request const& request, topic_rules const& rules);

// Whether a topic may have these overrides here.
expected<void, refusal> check_overrides(config_overrides const& overrides,
                                        topic_rules const& rules);

}  // namespace karst::cluster
