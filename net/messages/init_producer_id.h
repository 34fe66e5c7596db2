#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

struct init_producer_id_request {
  static constexpr message_info info{api_key::init_producer_id, message_kind::request, {0, 4}};
  std::optional<std::string_view> transactional_id{""};
  std::int32_t transaction_timeout_ms = 0;
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = -1;

  void describe(this auto& self, auto& v) {
    v("TransactionalId", self.transactional_id);
    v("TransactionTimeoutMs", self.transaction_timeout_ms);
    v("ProducerId", self.producer_id, since{3});
    v("ProducerEpoch", self.producer_epoch, since{3});
  }
};

struct init_producer_id_response {
  static constexpr message_info info{api_key::init_producer_id, message_kind::response, {0, 4}};
  std::int32_t throttle_time_ms = 0;
  net::error_code error{};
  std::int64_t producer_id = -1;
  std::int16_t producer_epoch = 0;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms);
    v("ErrorCode", self.error);
    v("ProducerId", self.producer_id);
    v("ProducerEpoch", self.producer_epoch);
  }
};

}  // namespace karst::net
