#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Which broker coordinates a group (or a transactional id). Several keys at once since version 4
// (KIP-699).
struct find_coordinator_request {
  static constexpr message_info info{api_key::find_coordinator, message_kind::request, {0, 6}};

  std::string_view key;
  std::int8_t key_type = 0;
  std::vector<std::string_view> coordinator_keys;

  void describe(this auto& self, auto& v) {
    v("Key", self.key, until{3});
    v("KeyType", self.key_type, since{1});
    v("CoordinatorKeys", self.coordinator_keys, since{4});
  }
};

struct find_coordinator_response {
  static constexpr message_info info{api_key::find_coordinator, message_kind::response, {0, 6}};

  struct coordinator {
    std::string key;
    std::int32_t node_id = 0;
    std::string host;
    std::int32_t port = 0;
    net::error_code error{};
    std::optional<std::string> error_message{""};

    void describe(this auto& self, auto& v) {
      v("Key", self.key);
      v("NodeId", self.node_id);
      v("Host", self.host);
      v("Port", self.port);
      v("ErrorCode", self.error);
      v("ErrorMessage", self.error_message);
    }
  };

  std::int32_t throttle_time_ms = 0;
  net::error_code error{};
  std::optional<std::string> error_message{""};
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::vector<coordinator> coordinators;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{1});
    v("ErrorCode", self.error, until{3});
    v("ErrorMessage", self.error_message, since{1}, until{3});
    v("NodeId", self.node_id, until{3});
    v("Host", self.host, until{3});
    v("Port", self.port, until{3});
    v("Coordinators", self.coordinators, since{4});
  }
};

}  // namespace karst::net
