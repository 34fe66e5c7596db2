#include "net/protocol_guess.h"

namespace karst::net {

std::string_view guess_other_protocol(std::span<std::byte const, 4> first) {
  auto const* text = reinterpret_cast<char const*>(first.data());
  if (text[0] == 0x16 && text[1] == 0x03) return "a TLS handshake";
  for (std::string_view verb : {"GET ", "POST", "PUT ", "HEAD", "OPTI", "DELE", "PATC", "CONN"}) {
    if (verb == std::string_view{text, 4}) return "an HTTP request";
  }
  if (std::string_view{text, 4} == "PRI ") return "an HTTP/2 preface";
  if (std::string_view{text, 4} == "SSH-") return "an SSH client";
  return {};
}

}  // namespace karst::net
