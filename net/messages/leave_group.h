#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Members leave a classic group: themselves, or removed by an admin (KIP-345).
struct leave_group_request {
  static constexpr message_info info{api_key::leave_group, message_kind::request, {0, 5}};

  struct member {
    std::string_view member_id;
    std::optional<std::string_view> group_instance_id;
    std::optional<std::string_view> reason;

    void describe(this auto& self, auto& v) {
      v("MemberId", self.member_id);
      v("GroupInstanceId", self.group_instance_id);
      v("Reason", self.reason, since{5});
    }
  };

  std::string_view group_id;
  std::string_view member_id;
  std::vector<member> members;

  void describe(this auto& self, auto& v) {
    v("GroupId", self.group_id);
    v("MemberId", self.member_id, until{2});
    v("Members", self.members, since{3});
  }
};

struct leave_group_response {
  static constexpr message_info info{api_key::leave_group, message_kind::response, {0, 5}};

  struct member {
    std::string member_id;
    std::optional<std::string> group_instance_id{""};
    net::error_code error{};

    void describe(this auto& self, auto& v) {
      v("MemberId", self.member_id);
      v("GroupInstanceId", self.group_instance_id);
      v("ErrorCode", self.error);
    }
  };

  std::int32_t throttle_time_ms = 0;
  net::error_code error{};
  std::vector<member> members;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{1});
    v("ErrorCode", self.error);
    v("Members", self.members, since{3});
  }
};

}  // namespace karst::net
