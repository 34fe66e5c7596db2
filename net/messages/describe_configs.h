#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

struct describe_configs_request {
  static constexpr message_info info{api_key::describe_configs, message_kind::request, {1, 4}};

  struct resource {
    std::int8_t type = 0;
    std::string_view name;
    std::optional<std::vector<std::string_view>> keys{std::in_place};  // null or empty: all of them

    void describe(this auto& self, auto& v) {
      v("ResourceType", self.type);
      v("ResourceName", self.name);
      v("ConfigurationKeys", self.keys);
    }
  };

  std::vector<resource> resources;
  bool include_synonyms = false;
  bool include_documentation = false;

  void describe(this auto& self, auto& v) {
    v("Resources", self.resources);
    v("IncludeSynonyms", self.include_synonyms, since{1});
    v("IncludeDocumentation", self.include_documentation, since{3});
  }
};

struct describe_configs_response {
  static constexpr message_info info{api_key::describe_configs, message_kind::response, {1, 4}};

  struct synonym {
    std::string name;
    std::optional<std::string> value;
    std::int8_t source = 0;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("Value", self.value);
      v("Source", self.source);
    }
  };
  struct config {
    std::string name;
    std::optional<std::string> value;
    bool read_only = false;
    std::int8_t source = -1;
    bool is_sensitive = false;
    std::vector<synonym> synonyms;
    std::int8_t type = 0;
    std::optional<std::string> documentation{""};

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("Value", self.value);
      v("ReadOnly", self.read_only);
      v("ConfigSource", self.source, since{1});
      v("IsSensitive", self.is_sensitive);
      v("Synonyms", self.synonyms, since{1});
      v("ConfigType", self.type, since{3});
      v("Documentation", self.documentation, since{3});
    }
  };
  struct result {
    net::error_code error{};
    std::optional<std::string> error_message;
    std::int8_t type = 0;
    std::string name;
    std::vector<config> configs;

    void describe(this auto& self, auto& v) {
      v("ErrorCode", self.error);
      v("ErrorMessage", self.error_message);
      v("ResourceType", self.type);
      v("ResourceName", self.name);
      v("Configs", self.configs);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<result> results;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms);
    v("Results", self.results);
  }
};

}  // namespace karst::net
