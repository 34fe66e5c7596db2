#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Deletes committed offsets of topics that a group does not subscribe to any more (KIP-496).
struct offset_delete_request {
  static constexpr message_info info{api_key::offset_delete, message_kind::request, {0, 0}};

  struct partition {
    std::int32_t index = 0;

    void describe(this auto& self, auto& v) { v("PartitionIndex", self.index); }
  };
  struct topic {
    std::string_view name;
    std::vector<partition> partitions;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("Partitions", self.partitions);
    }
  };

  std::string_view group_id;
  std::vector<topic> topics;

  void describe(this auto& self, auto& v) {
    v("GroupId", self.group_id);
    v("Topics", self.topics);
  }
};

struct offset_delete_response {
  static constexpr message_info info{api_key::offset_delete, message_kind::response, {0, 0}};

  struct partition {
    std::int32_t index = 0;
    net::error_code error{};

    void describe(this auto& self, auto& v) {
      v("PartitionIndex", self.index);
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

  net::error_code error{};
  std::int32_t throttle_time_ms = 0;
  std::vector<topic> topics;

  void describe(this auto& self, auto& v) {
    v("ErrorCode", self.error);
    v("ThrottleTimeMs", self.throttle_time_ms);
    v("Topics", self.topics);
  }
};

}  // namespace karst::net
