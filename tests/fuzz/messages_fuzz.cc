// Any bytes as any request or response of any version: refused with a text, or read into a message
// that is written and read back the same. The first two bytes choose message and version, the third
// how the rest is cut into buffers.
#include <cstdlib>

#include "net/wire/equal.h"
#include "net/wire/header.h"
#include "tests/net/wire/all_messages.h"

namespace karst::net {
namespace {

buffer_chain cut(std::span<std::byte const> bytes, std::size_t step) {
  buffer_chain chain;
  while (!bytes.empty()) {
    auto part = bytes.first(std::min(step, bytes.size()));
    chain.append(buffer::copy_of(part));
    bytes = bytes.subspan(part.size());
  }
  return chain;
}

template <wire_message Message>
void try_message(buffer_chain const& body, std::int16_t version) {
  auto first = decode<Message>(body, version);
  if (!first) {
    KARST_ASSERT(!first.error().empty());
    return;
  }
  auto text = print(first->message, version);
  auto size = encoded_size(first->message, version);
  // Kept alive: the message read first has views into them.
  auto bytes = join(encode(std::move(first->message), version));
  KARST_ASSERT(bytes.size() == size, "{} and {}", bytes.size(), size);
  auto second = decode<Message>(bytes, version);
  KARST_ASSERT(second.has_value(), "{}", second.error());
  KARST_ASSERT(print(second->message, version) == text);
}

void try_headers(buffer_chain const& frame) {
  std::size_t body = 0;
  if (auto header = read_request_header(frame, body)) {
    KARST_ASSERT(body <= frame.size());
    (void)write_request_header(*header);
  }
  (void)read_response_header(frame, true, body);
  (void)read_response_header(frame, false, body);
}

}  // namespace
}  // namespace karst::net

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace karst::net;
  if (size < 3) return 0;
  auto body = cut(std::as_bytes(std::span{data + 3, size - 3}), std::size_t{data[2]} + 1);
  try_headers(body);
  auto chosen = data[0];
  std::uint8_t number = 0;
  for_each_message([&]<typename Message> {
    if (number++ != chosen % 22) return;
    auto versions = Message::info.valid;
    auto version = static_cast<std::int16_t>(versions.lowest +
                                             data[1] % (versions.highest - versions.lowest + 1));
    try_message<Message>(body, version);
  });
  return 0;
}
