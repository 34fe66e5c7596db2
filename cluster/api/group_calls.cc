#include "cluster/api/group_calls.h"

namespace karst::cluster {

expected<group_place, net::error_code> find_group(broker& broker, std::string_view group_id,
                                                  bool may_be_empty) {
  if ((group_id.empty() && !may_be_empty) || group_id.size() > longest_group_text) {
    return std::unexpected(net::error_code::invalid_group_id);
  }
  auto const& snapshot = broker.metadata().current();
  auto const* topic = snapshot->find(offsets_topic);
  if (topic == nullptr) return std::unexpected(net::error_code::coordinator_not_available);
  auto const index =
      partition_of_group(group_id, static_cast<std::int32_t>(topic->partitions.size()));
  auto const& partition = topic->partitions[static_cast<std::size_t>(index)];
  if (partition.offline || partition.leader < 0) {
    return std::unexpected(net::error_code::coordinator_not_available);
  }
  if (partition.leader != broker.identity().id || partition.core == no_core) {
    return std::unexpected(net::error_code::not_coordinator);
  }
  return group_place{partition.core, index, partition.log};
}

expected<std::shared_ptr<group_shard>, net::error_code> shard_of(broker& broker,
                                                                 group_place const& place) {
  auto shard = broker.groups().find(place);
  // Not recovered yet, or gone by now: another try shows which.
  if (shard == nullptr) return std::unexpected(net::error_code::coordinator_load_in_progress);
  if (shard->status() != net::error_code::none) return std::unexpected(shard->status());
  return shard;
}

std::string client_host_of(net::request const& request) {
  if (request.connection == nullptr) return "/";
  std::string_view peer = request.connection->peer;
  peer = peer.substr(0, peer.rfind(':'));
  if (peer.starts_with('[') && peer.ends_with(']')) peer = peer.substr(1, peer.size() - 2);
  constexpr std::string_view mapped = "::ffff:";
  if (peer.starts_with(mapped) && peer.contains('.')) peer.remove_prefix(mapped.size());
  return fmt::format("/{}", peer);
}

}  // namespace karst::cluster
