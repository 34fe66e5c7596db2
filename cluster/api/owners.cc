#include "cluster/api/owners.h"

namespace karst::cluster {

expected<owner, net::error_code> find_owner(broker& broker, metadata_snapshot const& snapshot,
                                            std::string_view topic, std::int32_t partition) {
  return find_owner(broker, snapshot.find(topic, partition));
}

expected<owner, net::error_code> find_owner(broker& broker, partition_metadata const* found) {
  if (found == nullptr) return std::unexpected(net::error_code::unknown_topic_or_partition);
  if (found->offline) return std::unexpected(net::error_code::kafka_storage_error);
  if (found->leader < 0) return std::unexpected(net::error_code::leader_not_available);
  if (found->leader != broker.identity().id || found->core == no_core) {
    return std::unexpected(net::error_code::not_leader_or_follower);
  }
  return owner{.core = found->core, .log = found->log, .epoch = found->leader_epoch};
}

net::leader_id_and_epoch leader_hint(metadata_snapshot const& snapshot, std::string_view topic,
                                     std::int32_t partition,
                                     std::vector<net::node_endpoint>& endpoints) {
  auto const* found = snapshot.find(topic, partition);
  if (found == nullptr) return {};
  auto leader = std::ranges::find(snapshot.brokers, found->leader, &broker_metadata::id);
  if (leader != snapshot.brokers.end() &&
      std::ranges::find(endpoints, leader->id, &net::node_endpoint::node_id) == endpoints.end()) {
    endpoints.push_back({leader->id, leader->host, leader->port, leader->rack});
  }
  return {found->leader, found->leader_epoch.value};
}

net::error_code check_epoch(log::leader_epoch leader, std::int32_t clients) {
  if (clients < 0 || clients == leader.value) return net::error_code::none;
  return clients < leader.value ? net::error_code::fenced_leader_epoch
                                : net::error_code::unknown_leader_epoch;
}

}  // namespace karst::cluster
