#include "net/wire/api_keys.h"

namespace karst::net {

std::string_view name_of(api_key key) {
  switch (key) {
    case api_key::produce:
      return "Produce";
    case api_key::fetch:
      return "Fetch";
    case api_key::list_offsets:
      return "ListOffsets";
    case api_key::metadata:
      return "Metadata";
    case api_key::api_versions:
      return "ApiVersions";
    case api_key::create_topics:
      return "CreateTopics";
    case api_key::delete_topics:
      return "DeleteTopics";
    case api_key::init_producer_id:
      return "InitProducerId";
    case api_key::offset_for_leader_epoch:
      return "OffsetForLeaderEpoch";
    case api_key::describe_configs:
      return "DescribeConfigs";
    case api_key::describe_cluster:
      return "DescribeCluster";
  }
  return "unknown";
}

}  // namespace karst::net
