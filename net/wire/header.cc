#include "net/wire/header.h"

#include "net/wire/api_keys.h"
#include "net/wire/input.h"
#include "reactor/base/varint.h"

namespace karst::net {
namespace {

void skip_tags(input& in) {
  in.at_field("tagged fields of the header");
  auto count = in.varint();
  std::int64_t previous = -1;
  for (std::uint32_t i = 0; i < count && !in.failed(); ++i) {
    auto number = in.varint();
    if (number <= previous) return in.fail("out of order or twice");
    previous = number;
    in.skip(in.varint());
  }
}

}  // namespace

expected<request_header, std::string> read_request_header(buffer_chain const& frame,
                                                          std::size_t& body_position) {
  input in{frame, 0, {}};
  request_header header;
  in.at_field("request header");
  header.api_key = in.integer<std::int16_t>();
  header.api_version = in.integer<std::int16_t>();
  header.correlation_id = in.integer<std::int32_t>();
  in.at_field("client id");
  // Two bytes of length even in header v2, so that a broker can read it before it knows the version
  // (KIP-511).
  auto length = in.length(false, false);
  if (length >= 0 && !in.failed())
    header.client_id.emplace(in.view(static_cast<std::size_t>(length)));
  if (is_flexible(api_key{header.api_key}, header.api_version)) skip_tags(in);
  if (in.failed()) return std::unexpected(in.failure());
  body_position = in.position();
  return header;
}

buffer write_request_header(request_header const& header) {
  auto flexible = is_flexible(api_key{header.api_key}, header.api_version);
  auto text = header.client_id ? std::string_view{*header.client_id} : std::string_view{};
  auto bytes = buffer::allocate(8 + 2 + text.size() + (flexible ? 1 : 0));
  auto* to = bytes.data();
  store_be(to, header.api_key);
  store_be(to + 2, header.api_version);
  store_be(to + 4, header.correlation_id);
  store_be(to + 8,
           static_cast<std::int16_t>(header.client_id ? static_cast<int>(text.size()) : -1));
  if (!text.empty()) std::memcpy(to + 10, text.data(), text.size());
  if (flexible) to[10 + text.size()] = std::byte{0};
  return bytes;
}

std::size_t write_response_header(std::byte* to, std::int32_t correlation_id, bool flexible) {
  store_be(to, correlation_id);
  if (!flexible) return 4;
  to[4] = std::byte{0};
  return 5;
}

expected<std::int32_t, std::string> read_response_header(buffer_chain const& frame, bool flexible,
                                                         std::size_t& body_position) {
  input in{frame, 0, {}};
  in.at_field("response header");
  auto correlation_id = in.integer<std::int32_t>();
  if (flexible) skip_tags(in);
  if (in.failed()) return std::unexpected(in.failure());
  body_position = in.position();
  return correlation_id;
}

}  // namespace karst::net
