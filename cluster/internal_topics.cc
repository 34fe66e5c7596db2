#include "cluster/internal_topics.h"

#include <algorithm>

namespace karst::cluster {

topic_request automatic_topic_request(std::string_view name, broker_config const& config,
                                      std::size_t brokers) {
  topic_request request{.name = std::string{name}};
  if (name != offsets_topic) return request;
  request.partitions = static_cast<std::int32_t>(config.number("offsets.topic.num.partitions"));
  request.replication_factor = static_cast<std::int16_t>(std::min(
      config.number("offsets.topic.replication.factor"), static_cast<std::int64_t>(brokers)));
  // As Kafka's GroupCoordinator.offsetsTopicConfigs.
  request.configs = {{"cleanup.policy", "compact"},
                     {"compression.type", "producer"},
                     {"segment.bytes", config.text("offsets.topic.segment.bytes")}};
  return request;
}

}  // namespace karst::cluster
