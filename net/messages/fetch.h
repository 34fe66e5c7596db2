#pragma once

#include "net/messages/leader_hint.h"
#include "net/wire/codec.h"
#include "net/wire/error_codes.h"

namespace karst::net {

enum class isolation_level : std::int8_t { read_uncommitted = 0, read_committed = 1 };

// From version 13 on topics have ids and no names (KIP-516).
struct fetch_request {
  static constexpr message_info info{api_key::fetch, message_kind::request, {4, 17}};

  // A follower's, where older versions have its id alone (KIP-903).
  struct follower {
    std::int32_t id = -1;
    std::int64_t epoch = -1;

    void describe(this auto& self, auto& v) {
      v("ReplicaId", self.id);
      v("ReplicaEpoch", self.epoch);
    }
  };

  struct partition {
    std::int32_t index = 0;
    std::int32_t current_leader_epoch = -1;
    std::int64_t fetch_offset = 0;
    std::int32_t last_fetched_epoch = -1;
    std::int64_t log_start_offset = -1;  // a follower's
    std::int32_t max_bytes = 0;
    uuid replica_directory_id;  // a follower's (KIP-853)

    void describe(this auto& self, auto& v) {
      v("Partition", self.index);
      v("CurrentLeaderEpoch", self.current_leader_epoch, since{9});
      v("FetchOffset", self.fetch_offset);
      v("LastFetchedEpoch", self.last_fetched_epoch, since{12});
      v("LogStartOffset", self.log_start_offset, since{5});
      v("PartitionMaxBytes", self.max_bytes);
      v("ReplicaDirectoryId", self.replica_directory_id, since{17}, tag{0});
    }
  };
  struct topic {
    std::string_view name;
    uuid id;
    std::vector<partition> partitions;

    void describe(this auto& self, auto& v) {
      v("Topic", self.name, until{12});
      v("TopicId", self.id, since{13});
      v("Partitions", self.partitions);
    }
  };
  struct forgotten_topic {
    std::string_view name;
    uuid id;
    std::vector<std::int32_t> partitions;

    void describe(this auto& self, auto& v) {
      v("Topic", self.name, until{12});
      v("TopicId", self.id, since{13});
      v("Partitions", self.partitions);
    }
  };

  std::optional<std::string_view> cluster_id;
  std::int32_t replica_id = -1;
  follower replica_state;
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 0;
  std::int32_t max_bytes = 0x7fffffff;
  net::isolation_level isolation = isolation_level::read_uncommitted;
  std::int32_t session_id = 0;
  std::int32_t session_epoch = -1;
  std::vector<topic> topics;
  std::vector<forgotten_topic> forgotten_topics;
  std::string_view rack_id;

  void describe(this auto& self, auto& v) {
    v("ClusterId", self.cluster_id, since{12}, tag{0});
    v("ReplicaId", self.replica_id, until{14});
    v("ReplicaState", self.replica_state, since{15}, tag{1});
    v("MaxWaitMs", self.max_wait_ms);
    v("MinBytes", self.min_bytes);
    v("MaxBytes", self.max_bytes, since{3});
    v("IsolationLevel", self.isolation, since{4});
    v("SessionId", self.session_id, since{7});
    v("SessionEpoch", self.session_epoch, since{7});
    v("Topics", self.topics);
    v("ForgottenTopicsData", self.forgotten_topics, since{7});
    v("RackId", self.rack_id, since{11});
  }
};

struct fetch_response {
  static constexpr message_info info{api_key::fetch, message_kind::response, {4, 17}};

  struct epoch_end_offset {
    std::int32_t epoch = -1;
    std::int64_t end_offset = -1;

    void describe(this auto& self, auto& v) {
      v("Epoch", self.epoch);
      v("EndOffset", self.end_offset);
    }
  };
  struct snapshot_id {
    std::int64_t end_offset = -1;
    std::int32_t epoch = -1;

    void describe(this auto& self, auto& v) {
      v("EndOffset", self.end_offset);
      v("Epoch", self.epoch);
    }
  };
  struct aborted_transaction {
    std::int64_t producer_id = 0;
    std::int64_t first_offset = 0;

    void describe(this auto& self, auto& v) {
      v("ProducerId", self.producer_id);
      v("FirstOffset", self.first_offset);
    }
  };
  struct partition {
    std::int32_t index = 0;
    net::error_code error{};
    std::int64_t high_watermark = 0;
    std::int64_t last_stable_offset = -1;
    std::int64_t log_start_offset = -1;
    epoch_end_offset diverging_epoch;
    leader_id_and_epoch current_leader;
    net::fetch_response::snapshot_id snapshot_id;
    std::optional<std::vector<aborted_transaction>> aborted_transactions{std::in_place};
    std::int32_t preferred_read_replica = -1;
    std::optional<piece_list> records{std::in_place};

    void describe(this auto& self, auto& v) {
      v("PartitionIndex", self.index);
      v("ErrorCode", self.error);
      v("HighWatermark", self.high_watermark);
      v("LastStableOffset", self.last_stable_offset, since{4});
      v("LogStartOffset", self.log_start_offset, since{5});
      v("DivergingEpoch", self.diverging_epoch, since{12}, tag{0});
      v("CurrentLeader", self.current_leader, since{12}, tag{1});
      v("SnapshotId", self.snapshot_id, since{12}, tag{2});
      v("AbortedTransactions", self.aborted_transactions, since{4});
      v("PreferredReadReplica", self.preferred_read_replica, since{11});
      v("Records", self.records);
    }
  };
  struct topic {
    std::string name;
    uuid id;
    std::vector<partition> partitions;

    void describe(this auto& self, auto& v) {
      v("Topic", self.name, until{12});
      v("TopicId", self.id, since{13});
      v("Partitions", self.partitions);
    }
  };

  std::int32_t throttle_time_ms = 0;
  net::error_code error{};
  std::int32_t session_id = 0;
  std::vector<topic> topics;
  std::vector<node_endpoint> node_endpoints;

  void describe(this auto& self, auto& v) {
    v("ThrottleTimeMs", self.throttle_time_ms, since{1});
    v("ErrorCode", self.error, since{7});
    v("SessionId", self.session_id, since{7});
    v("Responses", self.topics);
    v("NodeEndpoints", self.node_endpoints, since{16}, tag{0});
  }
};

}  // namespace karst::net
