#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Deletes groups that have no members, with their offsets (KIP-229).
struct delete_groups_request {
  static constexpr message_info info{api_key::delete_groups, message_kind::request, {0, 2}};

  std::vector<std::string_view> groups_names;

  void describe(this auto& self, auto& v) { v("GroupsNames", self.groups_names); }
};

struct delete_groups_response {
  static constexpr message_info info{api_key::delete_groups, message_kind::response, {0, 2}};

  struct group {
    std::string group_id;
    net::error_code error{};

    void describe(this auto& self, auto& v) {
      v("GroupId", self.group_id);
      v("ErrorCode", self.error);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<group> results;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms);
    v("Results", self.results);
  }
};

}  // namespace karst::net
