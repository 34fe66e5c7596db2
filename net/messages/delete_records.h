#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Moves the log start of partitions: nothing below can be read any more (KIP-107).
struct delete_records_request {
  static constexpr message_info info{api_key::delete_records, message_kind::request, {0, 2}};

  struct partition {
    std::int32_t index = 0;
    std::int64_t offset = 0;

    void describe(this auto& self, auto& v) {
      v("PartitionIndex", self.index);
      v("Offset", self.offset);
    }
  };
  struct topic {
    std::string_view name;
    std::vector<partition> partitions;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("Partitions", self.partitions);
    }
  };

  std::vector<topic> topics;
  std::int32_t timeout_ms = 0;

  void describe(this auto& self, auto& v) {
    v("Topics", self.topics);
    v("TimeoutMs", self.timeout_ms);
  }
};

struct delete_records_response {
  static constexpr message_info info{api_key::delete_records, message_kind::response, {0, 2}};

  struct partition {
    std::int32_t index = 0;
    std::int64_t low_watermark = 0;
    net::error_code error{};

    void describe(this auto& self, auto& v) {
      v("PartitionIndex", self.index);
      v("LowWatermark", self.low_watermark);
      v("ErrorCode", self.error);
    }
  };
  struct topic {
    std::string name;
    std::vector<partition> partitions;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("Partitions", self.partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<topic> topics;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms);
    v("Topics", self.topics);
  }
};

}  // namespace karst::net
