#pragma once

#include "net/wire/codec.h"
#include "net/wire/printer.h"
#include "net/wire/reader.h"
#include "net/wire/writer.h"

// Included by messages/*.cc only, each of which instantiates its message with
// KARST_DEFINE_MESSAGE(type).
namespace karst::net {

template <wire_message Message>
std::string title_of(std::int16_t version) {
  return fmt::format("{}{} v{}", name_of(Message::info.key),
                     Message::info.kind == message_kind::request ? "Request" : "Response", version);
}

template <wire_message Message>
expected<decoded<Message>, std::string> decode(buffer_chain const& body, std::int16_t version,
                                               std::size_t position) {
  KARST_ASSERT(Message::info.valid.contain(version), "{}", title_of<Message>(version));
  input in{
      body,
      position,
      {Message::info.kind == message_kind::request ? max_request_elements : max_response_elements}};
  expected<decoded<Message>, std::string> result;
  reader{in, version, Message::info.flexible(version)}.read(result->message);
  if (!in.failed() && in.remaining() != 0) {
    in.at_field("end");
    in.fail(fmt::format("{} bytes more than the message has", in.remaining()));
  }
  if (in.failed())
    return std::unexpected(fmt::format("{}: {}", title_of<Message>(version), in.failure()));
  result->spilled = in.take_spilled();
  return result;
}

template <wire_message Message>
std::size_t encoded_size(Message const& message, std::int16_t version) {
  counting_sink count;
  writer{count, version, Message::info.flexible(version)}.write(message);
  return count.size() + count.piece_bytes();
}

template <wire_message Message>
std::vector<response_piece> encode(Message message, std::int16_t version) {
  KARST_ASSERT(Message::info.valid.contain(version), "{}", title_of<Message>(version));
  counting_sink count;
  writer{count, version, Message::info.flexible(version)}.write(std::as_const(message));
  piece_sink sink{count.size()};
  writer{sink, version, Message::info.flexible(version)}.write(message);
  return sink.finish();
}

template <wire_message Message>
std::string print(Message const& message, std::int16_t version) {
  auto text = title_of<Message>(version) + ' ';
  printer{version, text}.print(message);
  return text;
}

}  // namespace karst::net

#define KARST_DEFINE_MESSAGE(type)                                                                 \
  template ::karst::expected<::karst::net::decoded<type>, std::string> karst::net::decode<type>(   \
      ::karst::buffer_chain const&, std::int16_t, std::size_t);                                    \
  template std::vector<::karst::net::response_piece> karst::net::encode<type>(type, std::int16_t); \
  template std::size_t karst::net::encoded_size<type>(type const&, std::int16_t);                  \
  template std::string karst::net::print<type>(type const&, std::int16_t)
