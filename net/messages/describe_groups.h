#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// The state of classic groups and their members.
struct describe_groups_request {
  static constexpr message_info info{api_key::describe_groups, message_kind::request, {0, 6}};

  std::vector<std::string_view> groups;
  bool include_authorized_operations = false;

  void describe(this auto& self, auto& v) {
    v("Groups", self.groups);
    v("IncludeAuthorizedOperations", self.include_authorized_operations, since{3});
  }
};

struct describe_groups_response {
  static constexpr message_info info{api_key::describe_groups, message_kind::response, {0, 6}};

  struct member {
    std::string member_id;
    std::optional<std::string> group_instance_id;
    std::string client_id;
    std::string client_host;
    bytes_owned member_metadata;
    bytes_owned member_assignment;

    void describe(this auto& self, auto& v) {
      v("MemberId", self.member_id);
      v("GroupInstanceId", self.group_instance_id, since{4});
      v("ClientId", self.client_id);
      v("ClientHost", self.client_host);
      v("MemberMetadata", self.member_metadata);
      v("MemberAssignment", self.member_assignment);
    }
  };
  struct group {
    net::error_code error{};
    std::optional<std::string> error_message;
    std::string group_id;
    std::string group_state;
    std::string protocol_type;
    std::string protocol_data;
    std::vector<member> members;
    std::int32_t authorized_operations = -2147483648;

    void describe(this auto& self, auto& v) {
      v("ErrorCode", self.error);
      v("ErrorMessage", self.error_message, since{6});
      v("GroupId", self.group_id);
      v("GroupState", self.group_state);
      v("ProtocolType", self.protocol_type);
      v("ProtocolData", self.protocol_data);
      v("Members", self.members);
      v("AuthorizedOperations", self.authorized_operations, since{3});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<group> groups;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{1});
    v("Groups", self.groups);
  }
};

}  // namespace karst::net
