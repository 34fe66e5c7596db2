#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

struct api_versions_request {
  static constexpr message_info info{api_key::api_versions, message_kind::request, {0, 4}};
  std::string_view client_software_name;
  std::string_view client_software_version;

  void describe(this auto& self, auto& v) {
    v("ClientSoftwareName", self.client_software_name, since{3});
    v("ClientSoftwareVersion", self.client_software_version, since{3});
  }
};

// Versions 3 and later carry features only up to what the asker understands: those with a minimum
// of 0 break clients that ask with version 3 (KAFKA-17011).
struct api_versions_response {
  static constexpr message_info info{api_key::api_versions, message_kind::response, {0, 4}};

  struct api_version {
    net::api_key key{};
    std::int16_t lowest = 0;
    std::int16_t highest = 0;

    void describe(this auto& self, auto& v) {
      v("ApiKey", self.key);
      v("MinVersion", self.lowest);
      v("MaxVersion", self.highest);
    }
  };
  struct supported_feature {
    std::string name;
    std::int16_t lowest = 0;
    std::int16_t highest = 0;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("MinVersion", self.lowest);
      v("MaxVersion", self.highest);
    }
  };
  struct finalized_feature {
    std::string name;
    std::int16_t highest_level = 0;
    std::int16_t lowest_level = 0;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("MaxVersionLevel", self.highest_level);
      v("MinVersionLevel", self.lowest_level);
    }
  };

  net::error_code error{};
  std::vector<api_version> api_keys;
  std::int32_t throttle_time_ms = 0;
  std::vector<supported_feature> supported_features;
  std::int64_t finalized_features_epoch = -1;
  std::vector<finalized_feature> finalized_features;
  bool zk_migration_ready = false;

  void describe(this auto& self, auto& v) {
    v("ErrorCode", self.error);
    v("ApiKeys", self.api_keys);
    v("ThrottleTimeMs", self.throttle_time_ms, since{1});
    v("SupportedFeatures", self.supported_features, since{3}, tag{0});
    v("FinalizedFeaturesEpoch", self.finalized_features_epoch, since{3}, tag{1});
    v("FinalizedFeatures", self.finalized_features, since{3}, tag{2});
    v("ZkMigrationReady", self.zk_migration_ready, since{3}, tag{3});
  }
};

}  // namespace karst::net
