#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// The groups that this broker coordinates.
struct list_groups_request {
  static constexpr message_info info{api_key::list_groups, message_kind::request, {0, 5}};

  std::vector<std::string_view> states_filter;
  std::vector<std::string_view> types_filter;

  void describe(this auto& self, auto& v) {
    v("StatesFilter", self.states_filter, since{4});
    v("TypesFilter", self.types_filter, since{5});
  }
};

struct list_groups_response {
  static constexpr message_info info{api_key::list_groups, message_kind::response, {0, 5}};

  struct group {
    std::string group_id;
    std::string protocol_type;
    std::string group_state;
    std::string group_type;

    void describe(this auto& self, auto& v) {
      v("GroupId", self.group_id);
      v("ProtocolType", self.protocol_type);
      v("GroupState", self.group_state, since{4});
      v("GroupType", self.group_type, since{5});
    }
  };

  std::int32_t throttle_time_ms = 0;
  net::error_code error{};
  std::vector<group> groups;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{1});
    v("ErrorCode", self.error);
    v("Groups", self.groups);
  }
};

}  // namespace karst::net
