#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// Stores how far a group has read.
struct offset_commit_request {
  static constexpr message_info info{api_key::offset_commit, message_kind::request, {2, 9}};

  struct partition {
    std::int32_t index = 0;
    std::int64_t committed_offset = 0;
    std::int32_t committed_leader_epoch = -1;
    std::optional<std::string_view> committed_metadata{""};

    void describe(this auto& self, auto& v) {
      v("PartitionIndex", self.index);
      v("CommittedOffset", self.committed_offset);
      v("CommittedLeaderEpoch", self.committed_leader_epoch, since{6});
      v("CommittedMetadata", self.committed_metadata);
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

  std::string_view group_id;
  std::int32_t generation_id_or_member_epoch = -1;
  std::string_view member_id;
  std::optional<std::string_view> group_instance_id;
  std::int64_t retention_time_ms = -1;
  std::vector<topic> topics;

  void describe(this auto& self, auto& v) {
    v("GroupId", self.group_id);
    v("GenerationIdOrMemberEpoch", self.generation_id_or_member_epoch);
    v("MemberId", self.member_id);
    v("GroupInstanceId", self.group_instance_id, since{7});
    v("RetentionTimeMs", self.retention_time_ms, until{4});
    v("Topics", self.topics);
  }
};

struct offset_commit_response {
  static constexpr message_info info{api_key::offset_commit, message_kind::response, {2, 9}};

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

  std::int32_t throttle_time_ms = 0;
  std::vector<topic> topics;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{3});
    v("Topics", self.topics);
  }
};

}  // namespace karst::net
