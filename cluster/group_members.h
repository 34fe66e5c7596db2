#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/group_events.h"
#include "cluster/limits.h"
#include "reactor/base/hash.h"
#include "reactor/waiters.h"

namespace karst::cluster {

// One member of a classic group; its id is its key.
struct group_member {
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  std::vector<group_protocol> protocols;  // each name once; the first is what it likes most
  std::string assignment;
  std::optional<group_ticket> join;  // its JoinGroup that waits
  std::optional<group_ticket> sync;  // its SyncGroup that waits
  bool is_new = false;               // waits for its first answer
  bool owes_sync = false;            // knows of the generation, has not sent SyncGroup
  time_point session_end = never;

  // Empty where it does not have the protocol.
  std::string_view metadata(std::string_view protocol) const;
  // One that waits for an answer is alive, but not a new one: its client may have given up and come
  // again under another id, so its first wait has an end.
  bool may_expire() const { return is_new || !(join || sync); }
};

// The members of one group, and what is counted over them: protocols that all have, joins and syncs
// that wait, ids of static members, the leader. Iteration is in the order of member ids. Answers
// nobody: tickets of a member that goes are its caller's to answer. Part of `group`, same core.
class group_members {
 public:
  using by_id = std::map<std::string, group_member, std::less<>>;

  by_id const& all() const { return all_; }
  by_id& all() { return all_; }
  std::size_t size() const { return all_.size(); }
  std::size_t joining() const { return joining_; }        // whose join waits
  std::size_t owing_sync() const { return owing_sync_; }  // who owe a sync
  std::string const& leader() const { return leader_; }   // empty: none
  group_member* find(std::string_view id);
  group_member const* find(std::string_view id) const;
  // The member id that has the instance id now; nullptr: none.
  std::string const* holder(std::string_view instance_id) const;

  // The first becomes the leader.
  group_member& add(std::string id, group_member member);
  // Another becomes the leader where it was.
  group_member remove(std::string_view id);
  // The static member `old_id` goes on as `new_id`.
  group_member& rename(std::string const& old_id, std::string new_id);
  // A leader whose join waits; false: there is none.
  bool elect_joined_leader();
  void set_leader(std::string id) { leader_ = std::move(id); }

  void set_protocols(group_member& member, std::vector<group_protocol> protocols);
  // Whether all members have one of these.
  bool share_one_of(std::vector<group_protocol> const& protocols) const;
  // Each member votes for the first of its protocols that all have; a draw goes to the one that the
  // leader likes more. There are members.
  std::string select_protocol() const;

  void park_join(group_member& member, group_ticket ticket);
  std::optional<group_ticket> take_join(group_member& member);
  void set_owes_sync(group_member& member, bool owes);

  std::int32_t rebalance_timeout_ms() const;  // the longest
  std::size_t memory_bytes() const { return all_.size() * limit::member_bytes + text_bytes_; }

 private:
  void count_protocols(group_member const& member, std::int32_t by);

  by_id all_;
  hash_map<std::string, std::string> holders_;         // member id by instance id
  hash_map<std::string, std::int32_t> have_protocol_;  // members by protocol name
  std::string leader_;
  std::size_t joining_ = 0;
  std::size_t owing_sync_ = 0;
  std::size_t text_bytes_ = 0;  // of what members brought
};

}  // namespace karst::cluster
