#pragma once

#include <span>
#include <string_view>

namespace karst::net {

// What a connection speaks when its first four bytes are not the length of a Kafka frame: "a TLS
// handshake", "an HTTP request". Empty when they may be a length.
std::string_view guess_other_protocol(std::span<std::byte const, 4> first);

}  // namespace karst::net
