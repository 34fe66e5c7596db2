#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/wire/error_codes.h"
#include "reactor/base/units.h"

// What goes into a group (group.h) and what comes out of it. Texts are owned: a request may wait
// for minutes.
namespace karst::cluster {

// Names a request that waits for its answer; the caller's.
using group_ticket = std::uint64_t;

struct group_protocol {
  std::string name;
  std::string metadata;  // opaque
  bool operator==(group_protocol const&) const = default;
};

struct group_join {
  std::string member_id;   // empty: a new member
  std::string fresh_uuid;  // what a new member id is made with, should one be needed
  std::optional<std::string> instance_id;  // KIP-345: a static member
  std::string client_id;
  std::string client_host;  // "/127.0.0.1", as Kafka writes it
  std::int32_t session_timeout_ms = 0;
  std::int32_t rebalance_timeout_ms = 0;  // the session timeout where the version has none
  std::string protocol_type;
  std::vector<group_protocol> protocols;  // in the order of the member's preference
  bool requires_known_member_id = false;  // JoinGroup v4 and later (KIP-394)
  bool supports_skip_assignment = false;  // JoinGroup v9 and later (KIP-814)
};

struct group_join_answer {
  struct member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string metadata;
  };
  net::error_code error{};
  std::int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;  // null where Kafka's is
  std::string leader;
  std::string member_id;
  bool skip_assignment = false;
  std::vector<member> members;  // only for the leader
};

struct group_sync {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::int32_t generation = -1;
  std::optional<std::string> protocol_type;  // checked where given (SyncGroup v5 and later)
  std::optional<std::string> protocol;
  std::vector<std::pair<std::string, std::string>> assignments;  // by member id; the leader's
};

struct group_sync_answer {
  net::error_code error{};
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::string assignment;
};

// A member as it is stored and described.
struct group_member_image {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  std::string subscription;  // its metadata for the group's protocol
  std::string assignment;
  bool operator==(group_member_image const&) const = default;
};

// A group without its offsets, as the record in __consumer_offsets has it.
struct group_image {
  std::string protocol_type;  // empty: never had members (offsets were only committed)
  std::int32_t generation = 0;
  std::optional<std::string> protocol;
  std::optional<std::string> leader;
  wall_ms state_timestamp = -1;  // since when it is in its state; for the expiry of offsets
  std::vector<group_member_image> members;
  bool operator==(group_image const&) const = default;
};

// What follows from an event. The caller stores first what is to be stored, and reports the outcome
// with stored(); the answers given here may leave at once.
struct group_effects {
  struct store {
    std::uint64_t token = 0;  // for stored()
    group_image image;
  };
  std::vector<std::pair<group_ticket, group_join_answer>> joins;
  std::vector<std::pair<group_ticket, group_sync_answer>> syncs;
  std::vector<store> stores;  // in this order
  // Why members came, went and were asked to join again, for the log: one line each, with texts of
  // peers in them (the log escapes).
  std::vector<std::string> notes;
};

struct group_leave {
  std::string member_id;  // may be empty where the instance is named
  std::optional<std::string> instance_id;
  std::string reason;
};

}  // namespace karst::cluster
