#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// What a request that did not ask for authorized operations gets.
inline constexpr std::int32_t operations_not_requested = std::numeric_limits<std::int32_t>::min();

struct metadata_request {
  static constexpr message_info info{api_key::metadata, message_kind::request, {0, 13}};

  struct topic {
    uuid id;
    std::optional<std::string_view> name{""};

    void describe(this auto& self, auto& v) {
      v("TopicId", self.id, since{10});
      v("Name", self.name, nullable_since{10});
    }
  };

  // Null asks for all topics, and so does an empty list in version 0; later an empty list asks for
  // none.
  std::optional<std::vector<topic>> topics{std::in_place};
  bool allow_auto_topic_creation = true;
  bool include_cluster_authorized_operations = false;
  bool include_topic_authorized_operations = false;

  void describe(this auto& self, auto& v) {
    v("Topics", self.topics, nullable_since{1});
    v("AllowAutoTopicCreation", self.allow_auto_topic_creation, since{4});
    v("IncludeClusterAuthorizedOperations", self.include_cluster_authorized_operations, since{8},
      until{10});
    v("IncludeTopicAuthorizedOperations", self.include_topic_authorized_operations, since{8});
  }
};

struct metadata_response {
  static constexpr message_info info{api_key::metadata, message_kind::response, {0, 13}};

  struct broker {
    std::int32_t node_id = 0;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;

    void describe(this auto& self, auto& v) {
      v("NodeId", self.node_id);
      v("Host", self.host);
      v("Port", self.port);
      v("Rack", self.rack, since{1});
    }
  };
  struct partition {
    net::error_code error{};
    std::int32_t index = 0;
    std::int32_t leader_id = 0;
    std::int32_t leader_epoch = -1;
    std::vector<std::int32_t> replica_nodes;
    std::vector<std::int32_t> isr_nodes;
    std::vector<std::int32_t> offline_replicas;

    void describe(this auto& self, auto& v) {
      v("ErrorCode", self.error);
      v("PartitionIndex", self.index);
      v("LeaderId", self.leader_id);
      v("LeaderEpoch", self.leader_epoch, since{7});
      v("ReplicaNodes", self.replica_nodes);
      v("IsrNodes", self.isr_nodes);
      v("OfflineReplicas", self.offline_replicas, since{5});
    }
  };
  struct topic {
    net::error_code error{};
    std::optional<std::string> name{""};  // null: asked for by an id that is not known
    uuid id;
    bool is_internal = false;
    std::vector<partition> partitions;
    std::int32_t authorized_operations = operations_not_requested;

    void describe(this auto& self, auto& v) {
      v("ErrorCode", self.error);
      v("Name", self.name, nullable_since{12});
      v("TopicId", self.id, since{10});
      v("IsInternal", self.is_internal, since{1});
      v("Partitions", self.partitions);
      v("TopicAuthorizedOperations", self.authorized_operations, since{8});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<broker> brokers;
  std::optional<std::string> cluster_id;
  std::int32_t controller_id = -1;
  std::vector<topic> topics;
  std::int32_t cluster_authorized_operations = operations_not_requested;
  net::error_code error{};

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{3});
    v("Brokers", self.brokers);
    v("ClusterId", self.cluster_id, since{2});
    v("ControllerId", self.controller_id, since{1});
    v("Topics", self.topics);
    v("ClusterAuthorizedOperations", self.cluster_authorized_operations, since{8}, until{10});
    v("ErrorCode", self.error, since{13});
  }
};

}  // namespace karst::net
