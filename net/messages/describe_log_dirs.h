#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// What lies in the log directories and how large it is (KIP-113).
struct describe_log_dirs_request {
  static constexpr message_info info{api_key::describe_log_dirs, message_kind::request, {1, 4}};

  struct topic {
    std::string_view topic;
    std::vector<std::int32_t> partitions;

    void describe(this auto& self, auto& v) {
      v("Topic", self.topic);
      v("Partitions", self.partitions);
    }
  };

  std::optional<std::vector<topic>> topics{std::in_place};

  void describe(this auto& self, auto& v) { v("Topics", self.topics); }
};

struct describe_log_dirs_response {
  static constexpr message_info info{api_key::describe_log_dirs, message_kind::response, {1, 4}};

  struct partition {
    std::int32_t index = 0;
    std::int64_t partition_size = 0;
    std::int64_t offset_lag = 0;
    bool is_future_key = false;

    void describe(this auto& self, auto& v) {
      v("PartitionIndex", self.index);
      v("PartitionSize", self.partition_size);
      v("OffsetLag", self.offset_lag);
      v("IsFutureKey", self.is_future_key);
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
  struct directory {
    net::error_code error{};
    std::string log_dir;
    std::vector<topic> topics;
    std::int64_t total_bytes = -1;
    std::int64_t usable_bytes = -1;

    void describe(this auto& self, auto& v) {
      v("ErrorCode", self.error);
      v("LogDir", self.log_dir);
      v("Topics", self.topics);
      v("TotalBytes", self.total_bytes, since{4});
      v("UsableBytes", self.usable_bytes, since{4});
    }
  };

  std::int32_t throttle_time_ms = 0;
  net::error_code error{};
  std::vector<directory> results;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms);
    v("ErrorCode", self.error, since{3});
    v("Results", self.results);
  }
};

}  // namespace karst::net
