#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/group.h"
#include "cluster/group_loader.h"
#include "cluster/group_offsets.h"
#include "cluster/group_store.h"
#include "reactor/event.h"
#include "reactor/task_set.h"
#include "reactor/timer_wheel.h"

namespace karst::cluster {

struct group_settings {
  group_rules rules;
  std::size_t metadata_bytes_max = 4096;    // offset.metadata.max.bytes
  duration commit_timeout = 5s;             // offsets.commit.timeout.ms
  std::int64_t retention_ms = 604'800'000;  // offsets.retention.minutes
  std::size_t memory_bytes = 64 * MiB;      // of one core, for groups and their offsets
};

// Who commits, as the request says.
struct group_claim {
  std::string_view member_id;
  std::optional<std::string_view> instance_id;
  std::int32_t generation = -1;
};

struct offset_place {
  std::string topic;
  std::int32_t partition = 0;
};

struct offset_to_commit {
  offset_place where;
  committed_offset value;
};

// What an admin sees of a group.
struct group_description {
  net::error_code error{};
  group_state state = group_state::dead;
  std::string protocol_type;
  std::string protocol;  // only of a stable group, like what members subscribe to and have
  std::vector<group_member_image> members;
};

struct listed_group {
  std::string id;
  std::string protocol_type;
  group_state state = group_state::empty;
};

struct deleted_offsets {
  net::error_code error{};                  // of all
  std::vector<net::error_code> partitions;  // of each, in their order
};

class group_shard;

// One group with its offsets, and the requests that wait for its answers.
struct coordinated_group : timer {
  template <typename... Arguments>
  explicit coordinated_group(group_shard& owner, Arguments&&... of_group)
      : shard(owner), members(std::forward<Arguments>(of_group)...) {
    due.owner = this;
    fire = [](timer& fired) { static_cast<coordinated_group&>(fired).note_due(); };
  }
  void note_due();

  template <typename Answer>
  struct waiting {
    event answered;
    std::optional<Answer> answer;
  };
  struct due_link : list_link {
    coordinated_group* owner = nullptr;
  };

  group_shard& shard;
  group members;
  group_offsets offsets;
  std::map<group_ticket, waiting<group_join_answer>*> joins;
  std::map<group_ticket, waiting<group_sync_answer>*> syncs;
  std::size_t records_under_way = 0;  // on their way to the disk
  waiters settled;                    // woken when none is
  bool deleting = false;              // its last records are
  std::size_t counted_bytes = 0;      // of the services' memory_bytes
  bool removed = false;               // from the shard: what is still under way ends without it
  due_link due;
};

// What the shards of one core share.
struct group_services {
  partition_manager& partitions;
  group_settings settings;
  task_set tasks{};
  abort_source stopping{};
  event timer_fired{};
  intrusive_list<coordinated_group::due_link> due{};
  std::size_t memory_bytes = 0;  // about what the groups hold
  // What happened in groups is a line each, but a storm of members is not a storm of lines.
  struct {
    time_point since{};
    std::size_t lines = 0;
    std::size_t left_out = 0;
  } told{};
  std::uint64_t replayed = 0;  // records, by the loads since the last line about them
};

// One partition of __consumer_offsets with its groups, on the core that has the partition (Kafka:
// GroupMetadataManager and GroupCoordinator of one partition). Its state is what the log says,
// replayed at the start; a change is told to a client once its record is durable. Requests find it
// through group_coordinator.
//
// A request that waits keeps nothing of the shard but its own ticket; when the shard goes, all who
// wait are answered NOT_COORDINATOR, and what is under way to the disk is awaited by the services'
// tasks.
class group_shard : public std::enable_shared_from_this<group_shard> {
 public:
  group_shard(group_services& services, log::log_id log) : services_(services), log_(log) {}

  log::log_id log() const { return log_; }
  bool loaded() const { return state_ == state::loaded; }
  // none; COORDINATOR_LOAD_IN_PROGRESS; COORDINATOR_NOT_AVAILABLE: its log cannot be read.
  net::error_code status() const;
  // Replays the log; once. Offsets of topics for which `exists` is false go.
  using topic_choice = std::function<bool(std::string_view)>;
  static task<> load(std::shared_ptr<group_shard> self, topic_choice exists);
  event& load_ended() { return load_ended_; }

  // Members. `gone`: nobody reads the answer any more; then nullopt.
  static task<std::optional<group_join_answer>> join(std::shared_ptr<group_shard> self,
                                                     std::string_view group, group_join request,
                                                     abort_source& gone);
  static task<std::optional<group_sync_answer>> sync(std::shared_ptr<group_shard> self,
                                                     std::string_view group, group_sync request,
                                                     abort_source& gone);
  net::error_code heartbeat(std::string_view group, group_claim const& claim);
  // One error for each; an unknown group knows none of them.
  std::vector<net::error_code> leave(std::string_view group,
                                     std::vector<group_leave> const& members);

  // Offsets. A commit is all or nothing.
  static task<net::error_code> commit(std::shared_ptr<group_shard> self, std::string_view group,
                                      group_claim claim, std::vector<offset_to_commit> offsets);
  group_offsets const* offsets(std::string_view group) const;  // nullptr: none
  static task<deleted_offsets> delete_offsets(std::shared_ptr<group_shard> self,
                                              std::string_view group,
                                              std::vector<offset_place> partitions);

  // Admin.
  std::optional<group_description> describe(std::string_view group) const;  // nullopt: unknown
  void list(std::vector<listed_group>& into) const;
  static task<net::error_code> remove(std::shared_ptr<group_shard> self, std::string group);

  // Time. Deletes what has expired, and groups that have nothing left.
  static task<> expire(std::shared_ptr<group_shard> self);
  // Offsets of these topics go: they are deleted, and one made anew starts without any.
  static task<> forget_topics(std::shared_ptr<group_shard> self, topic_choice chosen);
  // For a group whose timer has fired.
  void note_due(coordinated_group& group);
  void tick(coordinated_group& group);

  // Everything as the log would give it again: for the test that it does.
  loaded_groups image() const;

  // This broker gives the partition up.
  void end();

 private:
  enum class state : std::uint8_t { loading, loaded, unreadable };
  using group_map = std::map<std::string, std::shared_ptr<coordinated_group>, std::less<>>;

  coordinated_group* find(std::string_view id) const;
  std::shared_ptr<coordinated_group> shared(coordinated_group& group) const;
  coordinated_group* find_or_make(std::string_view id);
  void take_over(loaded_groups&& loaded);
  void answer(coordinated_group& group, group_effects& effects);
  void tell(coordinated_group const& group, std::vector<std::string> const& notes);
  void apply(coordinated_group& group, group_effects effects);
  void arm(coordinated_group& group);
  void count(coordinated_group& group);
  // Whether another group may be begun.
  bool has_memory() const;
  void drop(coordinated_group& group);
  void drop_if_blank(coordinated_group& group);
  static bool is_done(coordinated_group const& group, std::size_t offsets);
  static task<> remove_if_done(std::shared_ptr<group_shard> self,
                               std::shared_ptr<coordinated_group> group);
  static void record_ended(coordinated_group& group);
  static task<> store_image(std::shared_ptr<group_shard> self,
                            std::shared_ptr<coordinated_group> group, group_effects::store store);
  struct commit_under_way;
  static task<> store_commit(std::shared_ptr<group_shard> self,
                             std::shared_ptr<coordinated_group> group,
                             std::vector<offset_to_commit> offsets,
                             std::shared_ptr<commit_under_way> outcome);
  static task<net::error_code> delete_records(std::shared_ptr<group_shard> self,
                                              std::shared_ptr<coordinated_group> group,
                                              std::vector<offset_place> places, bool group_too);
  std::vector<offset_place> expired_offsets(coordinated_group const& group, wall_ms now) const;

  group_services& services_;
  log::log_id log_;
  state state_ = state::loading;
  event load_ended_;
  group_map groups_;
  group_ticket next_ticket_ = 1;
};

}  // namespace karst::cluster
