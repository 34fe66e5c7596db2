#pragma once

#include <string>
#include <vector>

#include "net/wire/input.h"
#include "net/wire/visit.h"
#include "reactor/base/expected.h"

namespace karst::net {

// A message read from bytes. The views in it are valid while those bytes and this object live.
template <typename Message>
struct decoded {
  Message message;
  std::vector<buffer> spilled;  // texts that straddled two buffers
};

// Enough for a request that names every partition of the largest clusters in use (200,000); at
// about 100 bytes an element it bounds what one frame can make us reserve. Beyond it the request is
// malformed.
inline constexpr std::size_t max_request_elements = 262'144;
// An answer comes from a broker that we chose to ask; it may describe all of a large cluster with
// replica lists.
inline constexpr std::size_t max_response_elements = 16'777'216;

// The functions below are defined in codec_definitions.h and instantiated once per message, in
// messages/*.cc.

// Reads the bytes of `body` from `position` to its end as this version of the message. All of them
// must be used. The error says which message and field, and what is wrong with it; it holds nothing
// of the peer's text.
template <wire_message Message>
expected<decoded<Message>, std::string> decode(buffer_chain const& body, std::int16_t version,
                                               std::size_t position = 0);

// The bytes of the message in this version. Records are moved into the result, not copied.
template <wire_message Message>
std::vector<response_piece> encode(Message message, std::int16_t version);

// How many bytes encode would make.
template <wire_message Message>
std::size_t encoded_size(Message const& message, std::int16_t version);

// One line for logs and tests.
template <wire_message Message>
std::string print(Message const& message, std::int16_t version);

}  // namespace karst::net
