#pragma once

#include "net/group_admin.h"
#include "net/group_assignor.h"
#include "reactor/task_set.h"

namespace karst::net {

struct join_group_response;

struct group_member_options {
  std::string group;
  std::vector<std::string> topics;
  std::optional<std::string> instance_id;  // KIP-345: comes back as the same member, never leaves
  // As Kafka's consumers have them: session.timeout.ms and max.poll.interval.ms.
  duration session_timeout{45s};
  duration rebalance_timeout{300s};
};

// A member of a classic group of protocol type "consumer", as any Kafka client is one: joins,
// assigns as leader (range, or roundrobin where others know only that), beats from a task of its
// own, commits, leaves. Eager: before it joins again its user gives up all partitions, having
// committed what is done. One core. `own` carries only what this member asks, because a JoinGroup
// holds up its connection; `quick` is for leaving meanwhile. Both outlive the member. close()
// before destruction. When the coordinator moves or restarts it is found again, for as long as a
// client asks again; errors are for people.
class group_member {
 public:
  group_member(client& own, client& quick, group_member_options options);
  ~group_member();

  // Joins, or joins again. Waits until all other members have done so too: at most the longest of
  // their rebalance time-outs. Answers the partitions that this member shall read.
  task<expected<partitions_by_topic, error>> join();
  bool joining() const { return joining_; }
  // The group rebalances, or has thrown us out: commit, then join().
  bool must_rejoin() const { return must_rejoin_; }
  // What makes going on useless: another member has our instance id, for example.
  std::optional<error> const& failure() const { return failure_; }
  // Members of the group; 0 unless this one leads it.
  std::size_t members() const { return members_; }

  // False: the group has gone on without us, and what we had may be another's by now.
  task<expected<bool, error>> commit(offsets_by_partition offsets);

  // So that the others need not wait for our session to end. A join() in progress ends with an
  // error. Does not wait long for a broker that is away.
  task<> leave(std::string reason);
  task<> close();

 private:
  task<expected<answer<join_group_response>, error>> ask_to_join(client_connection& coordinator);
  task<expected<std::optional<partitions_by_topic>, error>> synchronize(
      client_connection& coordinator, join_group_response const& joined);
  task<expected<group_assignments, error>> assign(join_group_response const& joined);
  task<expected<void, error>> take_place(error_code code, time_point attempts_until);
  task<> beat(std::int32_t generation);
  task<bool> beat_once(std::int32_t generation);
  task<> look_for_partitions();
  error refused(error_code code) const;

  client& own_;
  client& quick_;
  group_member_options options_;
  std::string member_id_;
  std::int32_t generation_ = -1;
  std::string protocol_;
  std::size_t members_ = 0;
  std::map<std::string, std::int32_t> partition_counts_;  // the leader's, when it assigned
  time_point look_again_at_ = never;                      // whether there are more by now
  bool joining_ = false;
  bool must_rejoin_ = false;
  bool leaving_ = false;
  std::optional<error> failure_;
  abort_source closing_;
  task_set beating_;
};

}  // namespace karst::net
