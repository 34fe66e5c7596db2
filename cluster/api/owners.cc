#include "cluster/api/owners.h"

namespace karst::cluster {

expected<owner, net::error_code> find_owner(broker& broker, metadata_snapshot const& snapshot,
                                            std::string_view topic, std::int32_t partition) {
  auto const* found = snapshot.find(topic, partition);
  if (found == nullptr) return std::unexpected(net::error_code::unknown_topic_or_partition);
  if (found->offline) return std::unexpected(net::error_code::kafka_storage_error);
  if (found->leader < 0) return std::unexpected(net::error_code::leader_not_available);
  if (found->leader != broker.identity().id || found->core == no_core) {
    return std::unexpected(net::error_code::not_leader_or_follower);
  }
  return owner{.core = found->core, .log = found->log, .epoch = found->leader_epoch};
}

net::error_code check_epoch(log::leader_epoch leader, std::int32_t clients) {
  if (clients < 0 || clients == leader.value) return net::error_code::none;
  return clients < leader.value ? net::error_code::fenced_leader_epoch
                                : net::error_code::unknown_leader_epoch;
}

}  // namespace karst::cluster
