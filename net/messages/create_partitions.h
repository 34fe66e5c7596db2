#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Raises the number of partitions of topics (KIP-195).
struct create_partitions_request {
  static constexpr message_info info{api_key::create_partitions, message_kind::request, {0, 3}};

  struct assignment {
    std::vector<std::int32_t> broker_ids;

    void describe(this auto& self, auto& v) { v("BrokerIds", self.broker_ids); }
  };
  struct topic {
    std::string_view name;
    std::int32_t count = 0;
    std::optional<std::vector<assignment>> assignments{std::in_place};

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("Count", self.count);
      v("Assignments", self.assignments);
    }
  };

  std::vector<topic> topics;
  std::int32_t timeout_ms = 0;
  bool validate_only = false;

  void describe(this auto& self, auto& v) {
    v("Topics", self.topics);
    v("TimeoutMs", self.timeout_ms);
    v("ValidateOnly", self.validate_only);
  }
};

struct create_partitions_response {
  static constexpr message_info info{api_key::create_partitions, message_kind::response, {0, 3}};

  struct topic {
    std::string name;
    net::error_code error{};
    std::optional<std::string> error_message;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("ErrorCode", self.error);
      v("ErrorMessage", self.error_message);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<topic> results;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms);
    v("Results", self.results);
  }
};

}  // namespace karst::net
