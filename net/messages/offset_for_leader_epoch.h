#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Where the records of a leader epoch end: followers and consumers find out with it whether their
// log was truncated behind their back (KIP-101, KIP-279, KIP-320).
struct offset_for_leader_epoch_request {
  static constexpr message_info info{
      api_key::offset_for_leader_epoch, message_kind::request, {2, 4}};

  struct partition {
    std::int32_t index = 0;
    std::int32_t current_leader_epoch = -1;
    std::int32_t leader_epoch = 0;

    void describe(this auto& self, auto& v) {
      v("Partition", self.index);
      v("CurrentLeaderEpoch", self.current_leader_epoch, since{2});
      v("LeaderEpoch", self.leader_epoch);
    }
  };
  struct topic {
    std::string_view name;
    std::vector<partition> partitions;

    void describe(this auto& self, auto& v) {
      v("Topic", self.name);
      v("Partitions", self.partitions);
    }
  };

  std::int32_t replica_id = -2;
  std::vector<topic> topics;

  void describe(this auto& self, auto& v) {
    v("ReplicaId", self.replica_id, since{3});
    v("Topics", self.topics);
  }
};

struct offset_for_leader_epoch_response {
  static constexpr message_info info{
      api_key::offset_for_leader_epoch, message_kind::response, {2, 4}};

  struct partition {
    net::error_code error{};
    std::int32_t index = 0;
    std::int32_t leader_epoch = -1;
    std::int64_t end_offset = -1;

    void describe(this auto& self, auto& v) {
      v("ErrorCode", self.error);
      v("Partition", self.index);
      v("LeaderEpoch", self.leader_epoch, since{1});
      v("EndOffset", self.end_offset);
    }
  };
  struct topic {
    std::string name;
    std::vector<partition> partitions;

    void describe(this auto& self, auto& v) {
      v("Topic", self.name);
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
