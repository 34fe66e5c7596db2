#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reactor/base/expected.h"
#include "reactor/buffer_chain.h"

namespace karst::net {

// What stands in front of every request (header v1, or v2 with tagged fields in flexible versions).
struct request_header {
  std::int16_t api_key = 0;
  std::int16_t api_version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string> client_id;  // raw bytes of the peer
};

// Reads the header of a frame (its length prefix taken off) and says where the body begins. For a
// key that Karst does not know the body's place is not known either: such a request is refused by
// its header. Unknown tagged fields are skipped. The error is one line without the peer's text.
expected<request_header, std::string> read_request_header(buffer_chain const& frame,
                                                          std::size_t& body_position);

// The header and nothing else, in the form that its key and version ask for.
buffer write_request_header(request_header const& header);

// Correlation id, and an empty tag section where `flexible`.
inline constexpr std::size_t max_response_header_bytes = 5;
std::size_t write_response_header(std::byte* to, std::int32_t correlation_id, bool flexible);
// Reads it back: our client's direction.
expected<std::int32_t, std::string> read_response_header(buffer_chain const& frame, bool flexible,
                                                         std::size_t& body_position);

}  // namespace karst::net
