#include "cluster/stored_topics.h"

#include "cluster/internal_topics.h"

#include <charconv>

#include "cluster/tree_nodes.h"
#include "reactor/base/logging.h"
#include "reactor/core.h"

namespace karst::cluster {
namespace {

unexpected<error> unreadable(std::string_view path, std::string_view why) {
  return fail(errc::corrupt, "restore karst-tree-snapshot and karst-tree-journal from a backup",
              "the coordination tree has no readable {}: {}", path, why);
}

// The id of the cluster; a new one is random and becomes durable with the rest of the term's
// change.
task<expected<std::string, error>> cluster_id(coordination& tree,
                                              std::vector<node_operation>& change) {
  auto found = co_await tree.get(tree_path::cluster_id);
  if (!found && found.error() == coordination_errc::no_node) {
    auto& clock = core::current().clock();
    auto id = to_string(make_uuid(clock.random(), clock.random()));
    change.push_back(create_node{tree_path::cluster_id, cluster_id_to_json(id)});
    co_return id;
  }
  auto id = found ? parse_cluster_id(found->data) : std::nullopt;
  if (!id) co_return unreadable(tree_path::cluster_id, "not Kafka's JSON");
  co_return *id;
}

// The epoch of this term, one above the last.
task<expected<std::int32_t, error>> controller_epoch(coordination& tree,
                                                     std::vector<node_operation>& change) {
  auto found = co_await tree.get(tree_path::controller_epoch);
  if (!found) {
    change.push_back(create_node{tree_path::controller_epoch, "1"});
    co_return 1;
  }
  std::int32_t last = 0;
  auto const& text = found->data;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), last);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
    co_return unreadable(tree_path::controller_epoch, "not a number");
  }
  change.push_back(set_node{tree_path::controller_epoch, std::to_string(last + 1), found->version});
  co_return last + 1;
}

// The topic as its nodes describe it, or nullopt with a log line.
task<std::optional<topic_metadata>> read_topic(coordination& tree, std::string name) {
  auto refuse = [&name](std::string const& path) {
    logging::error("topics",
                   "topic {} is offline: the node {} is missing or not Kafka's JSON; "
                   "restore the coordination tree from a backup",
                   name, path);
    return std::nullopt;
  };
  auto stored = co_await tree.get(tree_path::topic(name));
  auto node = stored ? parse_topic_node(stored->data) : std::nullopt;
  if (!node) co_return refuse(tree_path::topic(name));
  auto config = co_await tree.get(tree_path::topic_config(name));
  auto overrides = config ? parse_config_node(config->data) : std::nullopt;
  if (!overrides) co_return refuse(tree_path::topic_config(name));
  topic_metadata topic{.name = name, .id = node->id, .overrides = std::move(*overrides)};
  topic.internal = is_internal_topic(name);
  for (std::size_t i = 0; i < node->replicas.size(); ++i) {
    auto index = static_cast<std::int32_t>(i);
    auto path = tree_path::partition_state(name, index);
    auto state_node = co_await tree.get(path);
    auto state = state_node ? parse_partition_state(state_node->data) : std::nullopt;
    if (!state) co_return refuse(path);
    topic.partitions.push_back({.index = index,
                                .leader = state->leader,
                                .leader_epoch = state->leader_epoch,
                                .replicas = std::move(node->replicas[i]),
                                .in_sync_replicas = std::move(state->in_sync_replicas)});
  }
  co_return topic;
}

// This broker leads what it has a replica of, alone, in a new epoch.
void take_lead(topic_metadata& topic, std::int32_t broker_id, std::int32_t term,
               std::vector<node_operation>& change) {
  for (auto& partition : topic.partitions) {
    if (std::ranges::find(partition.replicas, broker_id) == partition.replicas.end()) continue;
    partition.leader = broker_id;
    partition.in_sync_replicas = {broker_id};
    ++partition.leader_epoch.value;
    change.push_back(set_node{tree_path::partition_state(topic.name, partition.index),
                              to_json(partition_state_node{broker_id, partition.leader_epoch, term,
                                                           partition.in_sync_replicas})});
  }
}

}  // namespace

task<expected<stored_topics, error>> begin_term(coordination& tree, std::int32_t broker_id) {
  std::vector<node_operation> change;
  stored_topics stored;
  auto id = co_await cluster_id(tree, change);
  if (!id) co_return unexpected<error>(id.error());
  stored.cluster_id = *id;
  auto epoch = co_await controller_epoch(tree, change);
  if (!epoch) co_return unexpected<error>(epoch.error());
  stored.controller_epoch = *epoch;
  auto names = co_await tree.children(tree_path::topics);
  auto marked = co_await tree.children(tree_path::deletions);
  if (!names || !marked) co_return unreadable(tree_path::topics, "the node is missing");
  for (auto const& name : *names) {
    auto topic = co_await read_topic(tree, name);
    if (!topic) continue;
    if (std::ranges::binary_search(*marked, name)) {
      stored.deletions.push_back(std::move(*topic));
    } else {
      take_lead(*topic, broker_id, stored.controller_epoch, change);
      stored.topics.push_back(std::move(*topic));
    }
  }
  if (auto begun = co_await tree.multi(std::move(change)); !begun) {
    co_return fail(errc::io_error, "check the disk of the data directory",
                   "cannot write the coordination tree: {}", describe(begun.error()));
  }
  co_return std::move(stored);
}

}  // namespace karst::cluster
