#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Changes single settings of resources (KIP-339).
struct incremental_alter_configs_request {
  static constexpr message_info info{
      api_key::incremental_alter_configs, message_kind::request, {0, 1}};

  struct config {
    std::string_view name;
    std::int8_t config_operation = 0;
    std::optional<std::string_view> value{""};

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("ConfigOperation", self.config_operation);
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

struct incremental_alter_configs_response {
  static constexpr message_info info{
      api_key::incremental_alter_configs, message_kind::response, {0, 1}};

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
