#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// A member of a classic group lives.
struct heartbeat_request {
  static constexpr message_info info{api_key::heartbeat, message_kind::request, {0, 4}};

  std::string_view group_id;
  std::int32_t generation_id = 0;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;

  void describe(this auto& self, auto& v) {
    v("GroupId", self.group_id);
    v("GenerationId", self.generation_id);
    v("MemberId", self.member_id);
    v("GroupInstanceId", self.group_instance_id, since{3});
  }
};

struct heartbeat_response {
  static constexpr message_info info{api_key::heartbeat, message_kind::response, {0, 4}};

  std::int32_t throttle_time_ms = 0;
  net::error_code error{};

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{1});
    v("ErrorCode", self.error);
  }
};

}  // namespace karst::net
