#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/group_events.h"
#include "cluster/group_members.h"
#include "reactor/base/hash.h"

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

// A classic consumer group (Kafka 3.9: GroupMetadata and GroupCoordinator, group protocol
// "classic"): members, generations, rebalances, timers. Its offsets are elsewhere
// (group_offsets.h). A pure state machine: events in, effects out; no I/O, no clock, no await; time
// comes in with every event. Lives on the core that owns the group's partition of
// __consumer_offsets.
//
// A member is alive while a join or sync of it waits for an answer; otherwise until its session
// ends, counted from its last answered join or sync, heartbeat or commit. A new member's first wait
// ends after five minutes. A second join (or sync) of a member while one waits replaces it: the
// older request, whose client has given up on it, is answered REBALANCE_IN_PROGRESS (Kafka leaves
// it without an answer).
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
  // Whether clients were given member ids with which they have not come back yet (KIP-394).
  bool has_pending() const { return !pending_.empty(); }
  // About what it holds, for the core's budget.
  std::size_t memory_bytes() const;
  // The current state whole, as it is stored.
  group_image image() const;
  // As DescribeGroups of Kafka has it: metadata and assignments only while the group is stable,
  // until then an empty protocol.
  group_image describe() const;
  // What the members of this generation subscribe to, sorted; nullopt where that cannot be known:
  // another protocol type than "consumer", no generation yet, metadata that does not parse. Then
  // any topic must be taken for subscribed, so that offsets stay.
  std::optional<std::vector<std::string>> const& subscribed_topics() const;

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
  // To be asked after every event that has effects: heartbeats and commits leave it as it is.
  time_point wake_at() const;
  group_effects tick(time_point now, wall_ms wall_now);

  // The group is deleted or this broker gives it up: all who wait are answered `error`.
  group_effects end(net::error_code error);

 private:
  // One event being worked on.
  struct step {
    time_point now;
    wall_ms wall_now;
    group_effects& effects;
  };
  // recorded: what is so already; nothing waits for the outcome.
  enum class store_purpose : std::uint8_t { recorded, assignment, replaced_static_member };
  // A record that the caller is writing, and what its outcome decides.
  struct in_flight {
    store_purpose purpose{};
    std::int32_t generation = 0;
    // assignment: by member id.
    std::vector<std::pair<std::string, std::string>> assignments;
    // replaced_static_member: whose join waits, and how to undo it.
    std::string old_id;
    std::string new_id;
    std::string old_leader;
    group_ticket ticket = 0;
    bool skip_assignment = false;
    std::vector<group_protocol> old_protocols;
    std::int32_t old_rebalance_timeout_ms = 0;
    std::int32_t old_session_timeout_ms = 0;
  };

  // group.cc
  net::error_code check_member(std::string_view member_id,
                               std::optional<std::string_view> instance_id) const;
  void move_to(step& at, group_state state);
  void store(step& at, group_image image, in_flight outcome);
  void remove_member(step& at, std::string const& id, std::string_view why);
  void remove_pending(step& at, std::string const& id);
  void answer_waiting(step& at, std::string const& member_id, group_member& member,
                      net::error_code error);

  // group_join.cc
  bool accepts(group_join const& request) const;
  bool supports(group_join const& request) const;
  void refuse_join(step& at, group_ticket ticket, std::string member_id, net::error_code error);
  void join_new(step& at, group_join& request, group_ticket ticket);
  void join_known(step& at, group_join& request, group_ticket ticket);
  void add_member(step& at, std::string id, group_join& request, group_ticket ticket);
  void update_member(step& at, std::string const& id, group_member& member, group_join& request,
                     group_ticket ticket);
  void park_join(step& at, std::string const& id, group_member& member, group_ticket ticket);
  group_join_answer welcome(std::string const& member_id) const;
  std::vector<group_join_answer::member> members_for_leader() const;

  // group_static.cc
  void replace_static(step& at, std::string old_id, std::string new_id, group_join& request,
                      group_ticket ticket);
  void static_stored(step& at, in_flight& outcome, net::error_code error);

  // group_rebalance.cc
  void maybe_prepare_rebalance(step& at, std::string_view why);
  void prepare_rebalance(step& at, std::string_view why);
  void try_complete_join(step& at);
  void complete_join(step& at);
  void drop_absent(step& at);
  void begin_generation(step& at);
  void find_subscribed_topics();

  // group_sync.cc
  void sync_received(group_member& member);
  void store_assignment(step& at, group_sync& request);
  void assignment_stored(step& at, in_flight& outcome, net::error_code error);
  void fail_assignment(step& at, net::error_code error);
  void answer_syncs(step& at, net::error_code error);
  void answer_sync(step& at, group_ticket ticket, group_sync_answer answer);

  // group_timers.cc
  void extend_session(group_member& member, time_point now, std::int64_t timeout_ms);
  static void keep_alive(group_member& member, time_point now);
  void expire_sessions(step& at);
  void find_next_session_end();
  void join_deadline_passed(step& at);
  void sync_deadline_passed(step& at);

  std::string id_;
  group_rules rules_;
  group_state state_ = group_state::empty;
  wall_ms state_timestamp_ = -1;
  std::int32_t generation_ = 0;
  std::string protocol_type_;
  std::optional<std::string> protocol_;
  std::optional<std::vector<std::string>> subscribed_topics_;
  group_members members_;
  // Ids given out that have not joined yet (KIP-394), and when they are forgotten.
  std::map<std::string, time_point, std::less<>> pending_;
  // Every request that waits and whose client is there.
  hash_map<group_ticket, bool> parked_;

  // No session ends before it. Heartbeats leave it alone: what they push back is seen when it
  // comes.
  time_point next_session_end_ = never;
  // preparing_rebalance: when it goes on with those who have joined.
  time_point join_deadline_ = never;
  // The first rebalance after empty waits group.initial.rebalance.delay.ms whoever has joined, and
  // again while members come, for the rebalance timeout at most.
  bool initial_delay_ = false;
  bool member_came_in_delay_ = false;
  std::int64_t delay_step_ms_ = 0;
  std::int64_t delay_left_ms_ = 0;
  // When members who owe a sync are removed.
  time_point sync_deadline_ = never;

  std::map<std::uint64_t, in_flight> in_flight_;  // by token
  std::uint64_t last_token_ = 0;
  bool storing_assignment_ = false;  // the one of this generation
};

}  // namespace karst::cluster
