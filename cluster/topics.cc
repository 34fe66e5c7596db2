#include "cluster/topics.h"

#include "cluster/broker.h"
#include "cluster/every_core.h"
#include "cluster/group_coordinator.h"
#include "cluster/internal_topics.h"
#include "cluster/placement.h"
#include "cluster/topic_plan.h"
#include "cluster/topic_typo.h"
#include "cluster/tree_nodes.h"
#include "reactor/base/logging.h"

namespace karst::cluster {
namespace {

using net::error_code;

refusal from_tree(coordination_errc code, std::string const& topic) {
  if (code == coordination_errc::node_exists) {
    return {error_code::topic_already_exists,
            fmt::format("Topic '{}' is being deleted; try again later.", topic)};
  }
  return {error_code::kafka_storage_error, std::string{describe(code)}};
}

// A topic's partitions by the core that has them.
std::vector<std::vector<partition_metadata const*>> by_core(topic_metadata const& topic,
                                                            core_id cores) {
  std::vector<std::vector<partition_metadata const*>> grouped(cores);
  for (auto const& partition : topic.partitions) {
    if (partition.core != no_core) grouped[partition.core].push_back(&partition);
  }
  return grouped;
}

void first_failure(std::vector<expected<void, error>> const& outcomes,
                   expected<void, error>& result) {
  for (auto const& outcome : outcomes) {
    if (!outcome && result) result = outcome;
  }
}

// A typo in a client's configuration makes a topic of its own, and its consumers wait for ever: who
// reads the log learns why. Comparing with so many names takes about a millisecond.
constexpr std::size_t compared_names = 10'000;

void tell_automatic(std::string const& name, std::int32_t partitions,
                    metadata_snapshot const& before) {
  if (is_internal_topic(name)) {
    return logging::info("topics", "created internal topic {} with {} partitions", name,
                         partitions);
  }
  std::string_view meant;
  std::size_t compared = 0;
  for (auto const& [other, topic] : before.topics) {
    if (++compared > compared_names || !meant.empty()) break;
    if (may_be_typo(name, other)) meant = other;
  }
  if (meant.empty()) {
    return logging::info("topics",
                         "created topic {} with {} partitions, because a client asked for it", name,
                         partitions);
  }
  logging::warn("topics",
                "created topic {} with {} partitions, because a client asked for it; is it a typo "
                "of {}? Then delete it with `karst topic delete {}`; "
                "auto.create.topics.enable=false would refuse it",
                name, partitions, meant, name);
}

}  // namespace

topics::topics(broker& owner, coordination& tree, placement& cores, std::int32_t controller_epoch)
    : broker_(owner), tree_(tree), placement_(cores), controller_epoch_(controller_epoch) {}

task<expected<created_topic, refusal>> topics::create(topic_request request, bool validate_only,
                                                      time_point deadline) {
  return in_turn(create_next(std::move(request), validate_only), deadline);
}

task<expected<void, refusal>> topics::create_automatically(std::string name) {
  (void)co_await one_at_a_time_.take(1);
  expected<void, refusal> outcome;
  if (auto before = broker_.metadata().current(); before->find(name) == nullptr) {
    auto const brokers = before->brokers.size();
    auto created =
        co_await create_next(automatic_topic_request(name, broker_.config(), brokers), false);
    if (created) {
      tell_automatic(name, created->partitions, *before);
    } else {
      outcome = unexpected<refusal>(created.error());
    }
  }
  one_at_a_time_.give(1);
  co_return outcome;
}

task<expected<void, refusal>> topics::remove(std::string name, time_point deadline) {
  // What is not there need not wait for its turn to hear so.
  if (broker_.metadata().current()->find(name) == nullptr) {
    co_return refuse(error_code::unknown_topic_or_partition, {});
  }
  co_return co_await in_turn(remove_next(std::move(name)), deadline);
}

task<expected<created_topic, refusal>> topics::create_next(topic_request request,
                                                           bool validate_only) {
  auto known = broker_.metadata().current();
  auto planned = plan_topic(
      request,
      {.config = broker_.config(),
       .known = *known,
       .most_partitions = placement_.room(),
       .most_batch_bytes = static_cast<std::int64_t>(broker_.partitions().max_batch_bytes())});
  if (!planned) co_return unexpected<refusal>(planned.error());
  auto topic = std::make_shared<topic_metadata>(std::move(*planned));
  auto& clock = core::current().clock();
  topic->id = make_uuid(clock.random(), clock.random());
  created_topic answer{
      .id = validate_only ? uuid{} : topic->id,
      .partitions = static_cast<std::int32_t>(topic->partitions.size()),
      .replication_factor = static_cast<std::int16_t>(topic->partitions.front().replicas.size()),
      .overrides = topic->overrides};
  if (validate_only) co_return answer;

  // Chosen first: what cannot be stored anywhere leaves no trace.
  if (!place(*topic)) {
    co_return refuse(error_code::kafka_storage_error, "no log directory is in service");
  }
  if (auto written = co_await write_nodes(*topic); !written) {
    release(*topic);
    co_return unexpected<refusal>(written.error());
  }
  if (auto logs = co_await create_logs(*topic); !logs) {
    // Taken back as a deletion is done: if that is cut short too, the next start completes it.
    (void)co_await remove_logs(*topic);
    (void)co_await remove_nodes(*topic);
    co_return refuse(error_code::kafka_storage_error, logs.error().message());
  }
  co_await publish(topic);
  co_return answer;
}

task<expected<void, refusal>> topics::remove_next(std::string name) {
  auto known = broker_.metadata().current();
  auto found = known->topics.find(name);
  if (found == known->topics.end()) {
    co_return refuse(error_code::unknown_topic_or_partition, {});
  }
  if (!broker_.config().flag("delete.topic.enable")) {
    co_return refuse(error_code::topic_deletion_disabled,
                     "Topic deletion is disabled: delete.topic.enable is false.");
  }
  auto topic = found->second;
  std::vector<node_operation> mark;
  mark.push_back(create_node{tree_path::deletion(name), {}});
  if (auto marked = co_await tree_.multi(std::move(mark)); !marked) {
    co_return unexpected<refusal>(from_tree(marked.error(), name));
  }
  auto next = next_snapshot();
  next->topics.erase(name);
  next->topics_by_id.erase(topic->id);
  co_await broker_.publish(std::move(next));
  auto forget_here = [this, &name](core_id) { return broker_.groups().forget_topic(name); };
  co_await on_every_core(broker_.cores(), forget_here);
  if (auto logs = co_await remove_logs(*topic); !logs) {
    co_return refuse(error_code::kafka_storage_error, logs.error().message());
  }
  auto const offline = [](partition_metadata const& partition) { return partition.offline; };
  auto* directories = broker_.directories();
  if (directories != nullptr && directories->any_offline() &&
      std::ranges::any_of(topic->partitions, offline)) {
    co_return refuse(error_code::kafka_storage_error,
                     "the topic is deleted but for what is in log directories that are offline; "
                     "the rest follows at the start that can use them");
  }
  co_return co_await remove_nodes(*topic);
}

// False: no directory is in service.
bool topics::place(topic_metadata& topic) {
  auto& clock = core::current().clock();
  auto self = broker_.identity().id;
  auto* directories = broker_.directories();
  for (auto& partition : topic.partitions) {
    if (std::ranges::find(partition.replicas, self) == partition.replicas.end()) continue;
    partition.core = placement_.place();
    partition.log = log::log_id{clock.random()};
  }
  if (directories == nullptr) return true;
  auto chosen = directories->choose(topic.partitions.size());
  if (!chosen) {
    for (auto const& partition : topic.partitions) {
      if (partition.core != no_core) placement_.release(partition.core);
    }
    return false;
  }
  for (std::size_t i = 0; i < chosen->size(); ++i) {
    topic.partitions[i].directory = (*chosen)[i];
    if (topic.partitions[i].core == no_core) directories->release((*chosen)[i]);
  }
  return true;
}

void topics::release(topic_metadata const& topic) {
  for (auto const& partition : topic.partitions) {
    if (partition.core == no_core) continue;
    placement_.release(partition.core);
    if (auto* directories = broker_.directories()) directories->release(partition.directory);
  }
}

task<> topics::mark_offline(std::function<bool(partition_metadata const&)> chosen) {
  (void)co_await one_at_a_time_.take(1);
  auto next = next_snapshot();
  auto any = false;
  for (auto& [name, topic] : next->topics) {
    if (std::ranges::none_of(topic->partitions, chosen)) continue;
    auto changed = std::make_shared<topic_metadata>(*topic);
    for (auto& partition : changed->partitions) {
      if (chosen(partition)) partition.go_offline(broker_.identity().id);
    }
    topic = changed;
    next->topics_by_id[changed->id] = changed;
    any = true;
  }
  if (any) co_await broker_.publish(std::move(next));
  one_at_a_time_.give(1);
}

void topics::directory_failed(directory_index directory) {
  changes_.spawn(mark_offline([directory](partition_metadata const& partition) {
    return partition.core != no_core && partition.directory == directory && !partition.offline;
  }));
}

void topics::add_partition_nodes(topic_metadata const& topic,
                                 std::vector<node_operation>& change) const {
  for (auto const& partition : topic.partitions) {
    partition_state_node state{.leader = partition.leader,
                               .leader_epoch = partition.leader_epoch,
                               .controller_epoch = controller_epoch_,
                               .in_sync_replicas = partition.in_sync_replicas};
    change.push_back(create_node{tree_path::partition(topic.name, partition.index), {}});
    change.push_back(
        create_node{tree_path::partition_state(topic.name, partition.index), to_json(state)});
  }
}

void topics::remove_partition_nodes(topic_metadata const& topic,
                                    std::vector<node_operation>& change) {
  for (auto const& partition : topic.partitions) {
    change.push_back(remove_node{tree_path::partition_state(topic.name, partition.index)});
    change.push_back(remove_node{tree_path::partition(topic.name, partition.index)});
  }
}

task<expected<void, refusal>> topics::write_nodes(topic_metadata const& topic) {
  topic_node node{.id = topic.id};
  for (auto const& partition : topic.partitions) node.replicas.push_back(partition.replicas);
  std::vector<node_operation> change;
  change.push_back(
      create_node{tree_path::topic_config(topic.name), config_to_json(topic.overrides)});
  change.push_back(create_node{tree_path::topic(topic.name), to_json(node)});
  change.push_back(create_node{tree_path::partitions(topic.name), {}});
  add_partition_nodes(topic, change);
  auto written = co_await tree_.multi(std::move(change));
  if (!written) co_return unexpected<refusal>(from_tree(written.error(), topic.name));
  co_return expected<void, refusal>{};
}

task<expected<void, refusal>> topics::remove_nodes(topic_metadata const& topic) {
  std::vector<node_operation> change;
  remove_partition_nodes(topic, change);
  change.push_back(remove_node{tree_path::partitions(topic.name)});
  change.push_back(remove_node{tree_path::topic(topic.name)});
  change.push_back(remove_node{tree_path::topic_config(topic.name)});
  if (co_await tree_.get(tree_path::deletion(topic.name))) {
    change.push_back(remove_node{tree_path::deletion(topic.name)});
  }
  auto written = co_await tree_.multi(std::move(change));
  if (!written) co_return unexpected<refusal>(from_tree(written.error(), topic.name));
  co_return expected<void, refusal>{};
}

task<expected<void, error>> topics::create_logs(topic_metadata const& topic) {
  auto grouped = by_core(topic, broker_.cores());
  auto config = config_of(topic);
  std::vector<expected<void, error>> outcomes(grouped.size());
  auto create_here = [&](core_id core) -> task<> {
    std::vector<new_partition> requests;
    for (auto const* partition : grouped[core]) {
      requests.push_back({.directory = partition->directory,
                          .log = partition->log,
                          .topic = topic.name,
                          .index = partition->index,
                          .topic_id = topic.id,
                          .epoch = partition->leader_epoch,
                          .config = config});
    }
    return store_outcome(broker_.partitions().create_all(std::move(requests)), outcomes[core]);
  };
  co_await on_every_core(broker_.cores(), create_here);
  expected<void, error> result;
  first_failure(outcomes, result);
  co_return result;
}

task<expected<void, error>> topics::remove_logs(topic_metadata const& topic) {
  auto grouped = by_core(topic, broker_.cores());
  std::vector<expected<void, error>> outcomes(grouped.size());
  auto remove_here = [&](core_id core) -> task<> {
    std::vector<log::log_id> ids;
    for (auto const* partition : grouped[core]) ids.push_back(partition->log);
    return store_outcome(broker_.partitions().remove_all(std::move(ids)), outcomes[core]);
  };
  co_await on_every_core(broker_.cores(), remove_here);
  release(topic);
  expected<void, error> result;
  first_failure(outcomes, result);
  co_return result;
}

log::log_config topics::config_of(topic_metadata const& topic) const {
  auto config = make_log_config(broker_.config(), topic.overrides);
  config.from_reserve = topic.internal;
  return config;
}

task<> topics::publish(std::shared_ptr<topic_metadata const> topic) {
  auto next = next_snapshot();
  next->topics[topic->name] = topic;
  next->topics_by_id[topic->id] = topic;
  co_await broker_.publish(std::move(next));
}

std::shared_ptr<metadata_snapshot> topics::next_snapshot() const {
  auto next = std::make_shared<metadata_snapshot>(*broker_.metadata().current());
  ++next->version;
  return next;
}

}  // namespace karst::cluster
