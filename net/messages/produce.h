#pragma once

#include "net/messages/leader_hint.h"
#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Versions 0 to 2 (message formats 0 and 1) are listed for old librdkafka but never served
// (KAFKA-18659). Versions 11 and 12 are 10 with promises about transactions (KIP-890): 12 takes a
// partition into the transaction by itself, but only where the feature transaction.version says so.
struct produce_request {
  static constexpr message_info info{api_key::produce, message_kind::request, {3, 12}};

  struct partition {
    std::int32_t index = 0;
    std::optional<buffer_chain> records{std::in_place};

    void describe(this auto& self, auto& v) {
      v("Index", self.index);
      v("Records", self.records);
    }
  };
  struct topic {
    std::string_view name;
    std::vector<partition> partitions;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("PartitionData", self.partitions);
    }
  };

  std::optional<std::string_view> transactional_id;
  std::int16_t acks = 0;
  std::int32_t timeout_ms = 0;
  std::vector<topic> topics;

  void describe(this auto& self, auto& v) {
    v("TransactionalId", self.transactional_id, since{3});
    v("Acks", self.acks);
    v("TimeoutMs", self.timeout_ms);
    v("TopicData", self.topics);
  }
};

struct produce_response {
  static constexpr message_info info{api_key::produce, message_kind::response, {3, 12}};

  // Which record made its whole batch fail, and why (KIP-467).
  struct record_error {
    std::int32_t batch_index = 0;
    std::optional<std::string> message;

    void describe(this auto& self, auto& v) {
      v("BatchIndex", self.batch_index);
      v("BatchIndexErrorMessage", self.message);
    }
  };
  struct partition {
    std::int32_t index = 0;
    net::error_code error{};
    std::int64_t base_offset = 0;
    std::int64_t log_append_time_ms = -1;
    std::int64_t log_start_offset = -1;
    std::vector<record_error> record_errors;
    std::optional<std::string> error_message;
    leader_id_and_epoch current_leader;

    void describe(this auto& self, auto& v) {
      v("Index", self.index);
      v("ErrorCode", self.error);
      v("BaseOffset", self.base_offset);
      v("LogAppendTimeMs", self.log_append_time_ms, since{2});
      v("LogStartOffset", self.log_start_offset, since{5});
      v("RecordErrors", self.record_errors, since{8});
      v("ErrorMessage", self.error_message, since{8});
      v("CurrentLeader", self.current_leader, since{10}, tag{0});
    }
  };
  struct topic {
    std::string name;
    std::vector<partition> partitions;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("PartitionResponses", self.partitions);
    }
  };

  std::vector<topic> topics;
  std::int32_t throttle_time_ms = 0;
  std::vector<node_endpoint> node_endpoints;

  void describe(this auto& self, auto& v) {
    v("Responses", self.topics);
    v("ThrottleTimeMs", self.throttle_time_ms, since{1});
    v("NodeEndpoints", self.node_endpoints, since{10}, tag{0});
  }
};

}  // namespace karst::net
