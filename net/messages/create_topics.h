#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

struct create_topics_request {
  static constexpr message_info info{api_key::create_topics, message_kind::request, {2, 7}};

  struct assignment {
    std::int32_t partition = 0;
    std::vector<std::int32_t> broker_ids;

    void describe(this auto& self, auto& v) {
      v("PartitionIndex", self.partition);
      v("BrokerIds", self.broker_ids);
    }
  };
  struct config {
    std::string_view name;
    std::optional<std::string_view> value;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("Value", self.value);
    }
  };
  struct topic {
    std::string_view name;
    std::int32_t partitions = 0;  // -1: the broker's default (version 4), or assignments are given
    std::int16_t replication_factor = 0;  // the same
    std::vector<assignment> assignments;
    std::vector<config> configs;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("NumPartitions", self.partitions);
      v("ReplicationFactor", self.replication_factor);
      v("Assignments", self.assignments);
      v("Configs", self.configs);
    }
  };

  std::vector<topic> topics;
  std::int32_t timeout_ms = 60'000;
  bool validate_only = false;

  void describe(this auto& self, auto& v) {
    v("Topics", self.topics);
    v("timeoutMs", self.timeout_ms);
    v("validateOnly", self.validate_only, since{1});
  }
};

struct create_topics_response {
  static constexpr message_info info{api_key::create_topics, message_kind::response, {2, 7}};

  struct config {
    std::string name;
    std::optional<std::string> value;
    bool read_only = false;
    std::int8_t source = -1;
    bool is_sensitive = false;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("Value", self.value);
      v("ReadOnly", self.read_only);
      v("ConfigSource", self.source);
      v("IsSensitive", self.is_sensitive);
    }
  };
  struct topic {
    std::string name;
    uuid id;
    net::error_code error{};
    std::optional<std::string> error_message;
    net::error_code config_error{};
    std::int32_t partitions = -1;
    std::int16_t replication_factor = -1;
    std::optional<std::vector<config>> configs{std::in_place};

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("TopicId", self.id, since{7});
      v("ErrorCode", self.error);
      v("ErrorMessage", self.error_message, since{1});
      v("TopicConfigErrorCode", self.config_error, since{5}, tag{0});
      v("NumPartitions", self.partitions, since{5});
      v("ReplicationFactor", self.replication_factor, since{5});
      v("Configs", self.configs, since{5});
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<topic> topics;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{2});
    v("Topics", self.topics);
  }
};

}  // namespace karst::net
