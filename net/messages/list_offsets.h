#pragma once

#include "net/messages/fetch.h"

namespace karst::net {

// What a ListOffsets request may ask for instead of a timestamp.
inline constexpr std::int64_t latest_timestamp = -1;
inline constexpr std::int64_t earliest_timestamp = -2;
inline constexpr std::int64_t max_timestamp =
    -3;  // the record with the largest timestamp (KIP-734, version 7)
// With tiered storage: where the local log begins (KIP-405, version 8), and what lies in the remote
// one (KIP-1005, version 9).
inline constexpr std::int64_t earliest_local_timestamp = -4;
inline constexpr std::int64_t latest_tiered_timestamp = -5;

struct list_offsets_request {
  static constexpr message_info info{api_key::list_offsets, message_kind::request, {1, 10}};

  struct partition {
    std::int32_t index = 0;
    std::int32_t current_leader_epoch = -1;
    std::int64_t timestamp = 0;

    void describe(this auto& self, auto& v) {
      v("PartitionIndex", self.index);
      v("CurrentLeaderEpoch", self.current_leader_epoch, since{4});
      v("Timestamp", self.timestamp);
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

  std::int32_t replica_id = 0;  // -1 for a consumer
  net::isolation_level isolation = isolation_level::read_uncommitted;
  std::vector<topic> topics;
  std::int32_t timeout_ms = 0;  // how long to wait for remote storage

  void describe(this auto& self, auto& v) {
    v("ReplicaId", self.replica_id);
    v("IsolationLevel", self.isolation, since{2});
    v("Topics", self.topics);
    v("TimeoutMs", self.timeout_ms, since{10});
  }
};

struct list_offsets_response {
  static constexpr message_info info{api_key::list_offsets, message_kind::response, {1, 10}};

  struct partition {
    std::int32_t index = 0;
    net::error_code error{};
    std::int64_t timestamp = -1;
    std::int64_t offset = -1;
    std::int32_t leader_epoch = -1;

    void describe(this auto& self, auto& v) {
      v("PartitionIndex", self.index);
      v("ErrorCode", self.error);
      v("Timestamp", self.timestamp, since{1});
      v("Offset", self.offset, since{1});
      v("LeaderEpoch", self.leader_epoch, since{4});
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
    v("ThrottleTimeMs", self.throttle_time_ms, since{2});
    v("Topics", self.topics);
  }
};

}  // namespace karst::net
