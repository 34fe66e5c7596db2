#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// The leader hands in the assignment of a generation, every member asks for its own.
struct sync_group_request {
  static constexpr message_info info{api_key::sync_group, message_kind::request, {0, 5}};

  struct assignment {
    std::string_view member_id;
    bytes_view assignment;

    void describe(this auto& self, auto& v) {
      v("MemberId", self.member_id);
      v("Assignment", self.assignment);
    }
  };

  std::string_view group_id;
  std::int32_t generation_id = 0;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::optional<std::string_view> protocol_type;
  std::optional<std::string_view> protocol_name;
  std::vector<assignment> assignments;

  void describe(this auto& self, auto& v) {
    v("GroupId", self.group_id);
    v("GenerationId", self.generation_id);
    v("MemberId", self.member_id);
    v("GroupInstanceId", self.group_instance_id, since{3});
    v("ProtocolType", self.protocol_type, since{5});
    v("ProtocolName", self.protocol_name, since{5});
    v("Assignments", self.assignments);
  }
};

struct sync_group_response {
  static constexpr message_info info{api_key::sync_group, message_kind::response, {0, 5}};

  std::int32_t throttle_time_ms = 0;
  net::error_code error{};
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol_name;
  bytes_owned assignment;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{1});
    v("ErrorCode", self.error);
    v("ProtocolType", self.protocol_type, since{5});
    v("ProtocolName", self.protocol_name, since{5});
    v("Assignment", self.assignment);
  }
};

}  // namespace karst::net
