#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cluster/listener_config.h"
#include "reactor/base/expected.h"

namespace karst::tools {

// What is wrong most often when a first client cannot reach a broker: the address that the broker
// tells its clients.

bool is_loopback(std::string const& host);

// For the start of a node: one warning in its log when it listens for other hosts but tells them
// this host's loopback address, or a name that cannot be resolved here. Does not wait for the
// resolver.
void warn_of_advertised(cluster::listener_config const& listener);

// Whether something accepts connections there. Blocks, for at most `patience`: for commands that do
// nothing else meanwhile. The error says what happened, for the end of a sentence.
std::optional<std::string> dial(std::string const& host, std::uint16_t port,
                                std::chrono::milliseconds patience);

}  // namespace karst::tools
