#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// A member joins a classic group, or joins again for a rebalance.
struct join_group_request {
  static constexpr message_info info{api_key::join_group, message_kind::request, {0, 9}};

  struct protocol {
    std::string_view name;
    bytes_view metadata;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("Metadata", self.metadata);
    }
  };

  std::string_view group_id;
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = -1;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::string_view protocol_type;
  std::vector<protocol> protocols;
  std::optional<std::string_view> reason;

  void describe(this auto& self, auto& v) {
    v("GroupId", self.group_id);
    v("SessionTimeoutMs", self.session_timeout_ms);
    v("RebalanceTimeoutMs", self.rebalance_timeout_ms, since{1});
    v("MemberId", self.member_id);
    v("GroupInstanceId", self.group_instance_id, since{5});
    v("ProtocolType", self.protocol_type);
    v("Protocols", self.protocols);
    v("Reason", self.reason, since{8});
  }
};

struct join_group_response {
  static constexpr message_info info{api_key::join_group, message_kind::response, {0, 9}};

  struct member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    bytes_owned metadata;

    void describe(this auto& self, auto& v) {
      v("MemberId", self.member_id);
      v("GroupInstanceId", self.group_instance_id, since{5});
      v("Metadata", self.metadata);
    }
  };

  std::int32_t throttle_time_ms = 0;
  net::error_code error{};
  std::int32_t generation_id = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name{""};
  std::string leader;
  bool skip_assignment = false;
  std::string member_id;
  std::vector<member> members;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{2});
    v("ErrorCode", self.error);
    v("GenerationId", self.generation_id);
    v("ProtocolType", self.protocol_type, since{7});
    v("ProtocolName", self.protocol_name, nullable_since{7});
    v("Leader", self.leader);
    v("SkipAssignment", self.skip_assignment, since{9});
    v("MemberId", self.member_id);
    v("Members", self.members);
  }
};

}  // namespace karst::net
