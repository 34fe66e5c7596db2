#pragma once

#include <string>

#include "cluster/broker_config.h"

namespace karst::cluster {

// Where the broker listens and what clients are told.
struct listener_config {
  std::string name;                   // "PLAINTEXT"
  std::string host;                   // as configured; empty or a wildcard: every address
  std::uint16_t port = 0;             // 0: the kernel chooses
  std::string advertised_host;        // never empty, never a wildcard
  std::uint16_t advertised_port = 0;  // 0: the port really listened on
};

// "NAME://HOST:PORT", an IPv6 host in brackets.
struct endpoint {
  std::string name;
  std::string host;
  std::uint16_t port = 0;
};
expected<endpoint, error> parse_endpoint(std::string_view text, std::string_view key);

// Reads listeners, advertised.listeners and listener.security.protocol.map. `host_address` is an
// address of this machine that other machines can reach, or empty when it has none: it is told when
// the listener is a wildcard and nothing is advertised. Refused: no listener or several (KRaft's
// controller listeners are left out), a protocol other than PLAINTEXT, a wildcard that would be
// advertised.
expected<listener_config, error> make_listener_config(broker_config const& config,
                                                      std::string const& host_address);

}  // namespace karst::cluster
