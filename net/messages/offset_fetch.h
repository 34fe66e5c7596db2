#pragma once

#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

// How far groups have read. Several groups at once since version 8 (KIP-709).
struct offset_fetch_request {
  static constexpr message_info info{api_key::offset_fetch, message_kind::request, {1, 9}};

  struct topic {
    std::string_view name;
    std::vector<std::int32_t> partitions;

    void describe(this auto& self, auto& v) {
      v("Name", self.name);
      v("PartitionIndexes", self.partitions);
    }
  };
  struct group {
    std::string_view group_id;
    std::optional<std::string_view> member_id;
    std::int32_t member_epoch = -1;
    std::optional<std::vector<topic>> topics{std::in_place};

    void describe(this auto& self, auto& v) {
      v("GroupId", self.group_id);
      v("MemberId", self.member_id, since{9});
      v("MemberEpoch", self.member_epoch, since{9});
      v("Topics", self.topics);
    }
  };

  std::string_view group_id;
  std::optional<std::vector<topic>> topics{std::in_place};
  std::vector<group> groups;
  bool require_stable = false;

  void describe(this auto& self, auto& v) {
    v("GroupId", self.group_id, until{7});
    v("Topics", self.topics, until{7}, nullable_since{2});
    v("Groups", self.groups, since{8});
    v("RequireStable", self.require_stable, since{7});
  }
};

struct offset_fetch_response {
  static constexpr message_info info{api_key::offset_fetch, message_kind::response, {1, 9}};

  struct partition {
    std::int32_t index = 0;
    std::int64_t committed_offset = 0;
    std::int32_t committed_leader_epoch = -1;
    std::optional<std::string> metadata{""};
    net::error_code error{};

    void describe(this auto& self, auto& v) {
      v("PartitionIndex", self.index);
      v("CommittedOffset", self.committed_offset);
      v("CommittedLeaderEpoch", self.committed_leader_epoch, since{5});
      v("Metadata", self.metadata);
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
  struct group {
    std::string group_id;
    std::vector<topic> topics;
    net::error_code error{};

    void describe(this auto& self, auto& v) {
      v("GroupId", self.group_id);
      v("Topics", self.topics);
      v("ErrorCode", self.error);
    }
  };

  std::int32_t throttle_time_ms = 0;
  std::vector<topic> topics;
  net::error_code error{};
  std::vector<group> groups;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{3});
    v("Topics", self.topics, until{7});
    v("ErrorCode", self.error, since{2}, until{7});
    v("Groups", self.groups, since{8});
  }
};

}  // namespace karst::net
