#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace karst::net {

// What an answer says to a client that came to the wrong broker or with an outdated epoch
// (KIP-951): who leads the partition now, and where that broker is, so that it need not ask for
// metadata first.
struct leader_id_and_epoch {
  std::int32_t leader_id = -1;  // -1: unknown
  std::int32_t leader_epoch = -1;

  void describe(this auto& self, auto& v) {
    v("LeaderId", self.leader_id);
    v("LeaderEpoch", self.leader_epoch);
  }
};

struct node_endpoint {
  std::int32_t node_id = 0;
  std::string host;
  std::int32_t port = 0;
  std::optional<std::string> rack;

  void describe(this auto& self, auto& v) {
    v("NodeId", self.node_id);
    v("Host", self.host);
    v("Port", self.port);
    v("Rack", self.rack);
  }
};

}  // namespace karst::net
