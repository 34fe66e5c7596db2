#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/config_change.h"
#include "cluster/coordination.h"
#include "cluster/metadata_cache.h"
#include "cluster/refusal.h"
#include "reactor/base/expected.h"
#include "reactor/core.h"
#include "reactor/event.h"
#include "reactor/semaphore.h"
#include "reactor/task.h"
#include "reactor/task_set.h"

namespace karst::cluster {

class broker;
class placement;

struct topic_request {
  std::string name;
  // -1: num.partitions, or given by assignments.
  std::int32_t partitions = -1;
  // -1: default.replication.factor (at most the number of brokers), or given by assignments.
  std::int16_t replication_factor = -1;
  // Partition -> broker ids; empty: chosen here.
  std::map<std::int32_t, std::vector<std::int32_t>> assignments;
  std::vector<std::pair<std::string, std::optional<std::string>>> configs;
};

struct created_topic {
  uuid id;
  std::int32_t partitions = 0;
  std::int16_t replication_factor = 0;
  config_overrides
      overrides;  // for the configs of a CreateTopics v5+ answer: describe_topic_configs
};

struct partitions_request {
  std::string name;
  std::int32_t count = 0;  // with those that there are
  // Broker ids of each new partition; nullopt: chosen here.
  std::optional<std::vector<std::vector<std::int32_t>>> assignments;
};

// What is to become of a topic's overrides.
struct config_request {
  std::string name;
  std::vector<config_change> changes;
  bool keep_others = true;  // or forget overrides that no change names (AlterConfigs)
};

// Creates, changes and deletes topics. Lives on core 0 and is called there (submit_to(0, ...)). One
// change at a time, in order of arrival. A change is durable in the coordination tree, done on the
// owning cores and visible in every core's metadata_cache before the call returns; one that fails
// half-way is taken back. A crash in between is made good at the next start: a deletion is
// completed, a creation leaves the topic, empty, and so it is with partitions that are added;
// settings are what the tree says.
class topics {
 public:
  topics(broker& owner, coordination& tree, placement& cores, std::int32_t controller_epoch);

  // TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR,
  // INVALID_REPLICA_ASSIGNMENT, INVALID_CONFIG, INVALID_REQUEST (both counts and assignments),
  // KAFKA_STORAGE_ERROR. validate_only checks everything and changes nothing. REQUEST_TIMED_OUT at
  // the deadline: the change goes on.
  task<expected<created_topic, refusal>> create(topic_request request, bool validate_only,
                                                time_point deadline = never);
  // As Metadata does for an unknown topic when auto.create.topics.enable is set: defaults for
  // everything; a topic that exists by then is fine.
  task<expected<void, refusal>> create_automatically(std::string name);
  // UNKNOWN_TOPIC_OR_PARTITION, INVALID_PARTITIONS, INVALID_REPLICA_ASSIGNMENT,
  // INVALID_TOPIC_EXCEPTION (an internal topic: its records are found by the number of its
  // partitions), KAFKA_STORAGE_ERROR, REQUEST_TIMED_OUT.
  task<expected<void, refusal>> add_partitions(partitions_request request, bool validate_only,
                                               time_point deadline = never);
  // UNKNOWN_TOPIC_OR_PARTITION, INVALID_CONFIG, INVALID_REQUEST, KAFKA_STORAGE_ERROR. In force on
  // all cores when done: the logs follow their settings from the next append, roll, retention or
  // compaction on.
  task<expected<void, refusal>> set_configs(config_request request, bool validate_only);
  // UNKNOWN_TOPIC_OR_PARTITION, TOPIC_DELETION_DISABLED, KAFKA_STORAGE_ERROR, REQUEST_TIMED_OUT.
  task<expected<void, refusal>> remove(std::string name, time_point deadline = never);
  // At start: the logs of a topic that was marked for deletion are gone, its nodes follow.
  task<expected<void, refusal>> complete_removal(topic_metadata const& topic) {
    return remove_nodes(topic);
  }

  // These partitions have no leader from now on.
  task<> mark_offline(std::function<bool(partition_metadata const&)> chosen);
  // The same, in the background, for all of a directory.
  void directory_failed(directory_index directory);

  // Done when every change that nobody waits for any more is; no call may follow.
  task<> close() { return changes_.join(); }

 private:
  // Changes under way or waiting, each a request's worth of memory. More are made only by clients
  // that do not wait for the answers; those are told to try again.
  static constexpr std::size_t changes_waiting = 1024;

  // A change and whoever waits for it; the change outlives the wait.
  template <typename Outcome>
  struct change {
    std::optional<Outcome> outcome;
    event done;
  };
  template <typename Outcome>
  task<Outcome> in_turn(task<Outcome> work, time_point deadline);
  template <typename Outcome>
  task<> run_change(task<Outcome> work, std::shared_ptr<change<Outcome>> state);
  task<expected<created_topic, refusal>> create_next(topic_request request, bool validate_only);
  task<expected<void, refusal>> remove_next(std::string name);
  task<expected<void, refusal>> add_partitions_next(partitions_request request, bool validate_only);
  task<expected<void, refusal>> set_configs_next(config_request request, bool validate_only);
  task<expected<void, refusal>> write_partitions(topic_metadata const& topic,
                                                 topic_metadata const& added);
  task<> take_partitions_back(topic_metadata const& topic, topic_metadata const& added);
  task<> configure_logs(topic_metadata const& topic);
  task<expected<void, refusal>> write_nodes(topic_metadata const& topic);
  void add_partition_nodes(topic_metadata const& topic, std::vector<node_operation>& change) const;
  static void remove_partition_nodes(topic_metadata const& topic,
                                     std::vector<node_operation>& change);
  task<expected<void, error>> create_logs(topic_metadata const& topic);
  task<expected<void, error>> remove_logs(topic_metadata const& topic);
  task<expected<void, refusal>> remove_nodes(topic_metadata const& topic);
  bool place(topic_metadata& topic);
  void release(topic_metadata const& topic);
  log::log_config config_of(topic_metadata const& topic) const;
  std::shared_ptr<metadata_snapshot> next_snapshot() const;
  task<> publish(std::shared_ptr<topic_metadata const> topic);

  broker& broker_;
  coordination& tree_;
  placement& placement_;
  std::int32_t controller_epoch_;
  semaphore one_at_a_time_{1};
  task_set changes_;
};

template <typename Outcome>
task<> topics::run_change(task<Outcome> work, std::shared_ptr<change<Outcome>> state) {
  (void)co_await one_at_a_time_.take(1);
  state->outcome.emplace(co_await std::move(work));
  one_at_a_time_.give(1);
  state->done.set();
}

template <typename Outcome>
task<Outcome> topics::in_turn(task<Outcome> work, time_point deadline) {
  if (changes_.running() >= changes_waiting) {
    co_return refuse(net::error_code::request_timed_out,
                     "too many topic changes are waiting; nothing was done, try again");
  }
  auto state = std::make_shared<change<Outcome>>();
  changes_.spawn(run_change(std::move(work), state));
  // Who gives no time gets what is known at once, as from Kafka.
  if (deadline > core::current().now()) (void)co_await state->done.wait(deadline);
  if (state->outcome) co_return std::move(*state->outcome);
  co_return refuse(net::error_code::request_timed_out, "it was not done in time; it goes on");
}

}  // namespace karst::cluster
