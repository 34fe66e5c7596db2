#pragma once

#include "net/messages/metadata.h"

namespace karst::net {

struct describe_cluster_request {
  static constexpr message_info info{api_key::describe_cluster, message_kind::request, {0, 1}};
  bool include_cluster_authorized_operations = false;
  std::int8_t endpoint_type = 1;  // 1: brokers, 2: controllers (KIP-919)

  void describe(this auto& self, auto& v) {
    v("IncludeClusterAuthorizedOperations", self.include_cluster_authorized_operations);
    v("EndpointType", self.endpoint_type, since{1});
  }
};

struct describe_cluster_response {
  static constexpr message_info info{api_key::describe_cluster, message_kind::response, {0, 1}};

  struct broker {
    std::int32_t id = 0;
    std::string host;
    std::int32_t port = 0;
    std::optional<std::string> rack;

    void describe(this auto& self, auto& v) {
      v("BrokerId", self.id);
      v("Host", self.host);
      v("Port", self.port);
      v("Rack", self.rack);
    }
  };

  std::int32_t throttle_time_ms = 0;
  net::error_code error{};
  std::optional<std::string> error_message;
  std::int8_t endpoint_type = 1;
  std::string cluster_id;
  std::int32_t controller_id = -1;
  std::vector<broker> brokers;
  std::int32_t cluster_authorized_operations = operations_not_requested;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms);
    v("ErrorCode", self.error);
    v("ErrorMessage", self.error_message);
    v("EndpointType", self.endpoint_type, since{1});
    v("ClusterId", self.cluster_id);
    v("ControllerId", self.controller_id);
    v("Brokers", self.brokers);
    v("ClusterAuthorizedOperations", self.cluster_authorized_operations);
  }
};

}  // namespace karst::net
