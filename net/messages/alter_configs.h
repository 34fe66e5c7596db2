#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Replaces all dynamic settings of a resource (KIP-133); settings that are not named go back to
// their defaults.
struct alter_configs_request {
  static constexpr message_info info{api_key::alter_configs, message_kind::request, {0, 2}};

  struct config {
    std::string_view name;
    std::optional<std::string_view> value{""};

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("Value", self.value);
    }
  };
  struct resource {
    std::int8_t resource_type = 0;
    std::string_view resource_name;
    std::vector<config> configs;

    void describe(this auto& self, auto& v) {
      v("ResourceType", self.resource_type);
      v("ResourceName", self.resource_name);
      v("Configs", self.configs);
    }
  };

  std::vector<resource> resources;
  bool validate_only = false;

  void describe(this auto& self, auto& v) {
    v("Resources", self.resources);
    v("ValidateOnly", self.validate_only);
  }
};

struct alter_configs_response {
  static constexpr message_info info{api_key::alter_configs, message_kind::response, {0, 2}};

  struct resource {
    net::error_code error{};
    std::optional<std::string> error_message{""};
    std::int8_t resource_type = 0;
    std::string resource_name;

    void describe(this auto& self, auto& v) {
      v("ErrorCode", self.error);
      v("ErrorMessage", self.error_message);
      v("ResourceType", self.resource_type);
      v("ResourceName", self.resource_name);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<resource> responses;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms);
    v("Responses", self.responses);
  }
};

}  // namespace karst::net
