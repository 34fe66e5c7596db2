#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/wire/error_codes.h"
#include "reactor/base/hash.h"
#include "reactor/base/units.h"

namespace karst::cluster {

// Kafka's names of these are in group_state_name(): "PreparingRebalance" and so on.
enum class group_state : std::uint8_t {
  empty,                 // no members; may have committed offsets
  preparing_rebalance,   // members are asked to join again
  completing_rebalance,  // all have joined; the leader's assignment is awaited
  stable,
  dead,  // deleted or handed over: answers nothing but errors
};
std::string_view group_state_name(group_state state);

// Broker settings, read once at start.
struct group_rules {
  std::int32_t min_session_timeout_ms = 6'000;
  std::int32_t max_session_timeout_ms = 1'800'000;
  std::int32_t max_size = std::numeric_limits<std::int32_t>::max();
  std::int32_t initial_rebalance_delay_ms = 0;  // group.initial.rebalance.delay.ms
};

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
};

struct group_leave {
  std::string member_id;  // may be empty where the instance is named
  std::optional<std::string> instance_id;
  std::string reason;
};

// A classic consumer group (Kafka 3.9: GroupMetadata and GroupCoordinator, group protocol
// "classic"): members, generations, rebalances, timers. Its offsets are elsewhere
// (group_offsets.h). A pure state machine: events in, effects out; no I/O, no clock, no await; time
// comes in with every event. Lives on the core that owns the group's partition of
// __consumer_offsets.
//
// A member's state: it is alive while a join or sync of it waits for an answer; otherwise until its
// session ends, counted from its last join, sync, heartbeat or commit.
class group {
 public:
  // A group that nobody knows yet: empty, generation 0.
  group(std::string id, group_rules const& rules, wall_ms wall_now);
  // One that was read from __consumer_offsets: stable if it has members, whose sessions begin now.
  group(std::string id, group_rules const& rules, group_image image, time_point now);

  std::string const& id() const;
  group_state state() const;
  std::int32_t generation() const;
  std::string const& protocol_type() const;  // empty: none
  std::size_t size() const;                  // members, without pending ones
  wall_ms state_timestamp() const;
  // For DescribeGroups and for the store: the current state whole.
  group_image image() const;
  // What its members subscribe to; nullopt where that cannot be known: another protocol type than
  // "consumer", no members, metadata that does not parse. Kafka treats an unparsable one as
  // subscribed to nothing known, so that offsets stay.
  std::optional<std::vector<std::string>> subscribed_topics() const;

  // JoinGroup. The answer comes in the effects of this or of a later event, under `ticket`.
  group_effects join(group_join request, group_ticket ticket, time_point now, wall_ms wall_now);
  group_effects sync(group_sync request, group_ticket ticket, time_point now, wall_ms wall_now);
  net::error_code heartbeat(std::string_view member_id, std::optional<std::string_view> instance_id,
                            std::int32_t generation, time_point now);
  // One error for each, in their order.
  std::vector<net::error_code> leave(std::vector<group_leave> const& members,
                                     group_effects& effects, time_point now, wall_ms wall_now);
  // Whether a commit of offsets may be made (OffsetCommit; generation < 0: not by a member).
  net::error_code check_commit(std::string_view member_id,
                               std::optional<std::string_view> instance_id, std::int32_t generation,
                               time_point now);
  // The client of this waiting request has gone: nobody reads its answer. The member stays until
  // its session ends, as in Kafka.
  void forget(group_ticket ticket);

  // The record of `token` is durable, or could not be stored (error: what the members shall be
  // told).
  group_effects stored(std::uint64_t token, net::error_code error, time_point now,
                       wall_ms wall_now);

  // When tick() must be called next; never: no timer runs. It may be too early, never too late.
  time_point wake_at() const;
  group_effects tick(time_point now, wall_ms wall_now);

  // The group is deleted or this broker gives it up: all who wait are answered `error`.
  group_effects end(net::error_code error);
};

}  // namespace karst::cluster
