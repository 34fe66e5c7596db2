#include "reactor/base/uuid.h"

#include <cstring>

namespace karst {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t text_size = 22;

}  // namespace

std::string to_string(uuid const& id) {
  std::string text;
  std::uint32_t bits = 0;
  int count = 0;
  for (auto byte : id.bytes) {
    bits = bits << 8 | byte;
    count += 8;
    while (count >= 6) {
      count -= 6;
      text += alphabet[bits >> count & 63];
    }
  }
  text += alphabet[bits << (6 - count) & 63];
  return text;
}

std::optional<uuid> parse_uuid(std::string_view text) {
  if (text.size() != text_size) return std::nullopt;
  uuid id;
  std::uint32_t bits = 0;
  int count = 0;
  std::size_t out = 0;
  for (auto character : text) {
    auto digit = alphabet.find(character);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count >= 8 && out < id.bytes.size()) {
      count -= 8;
      id.bytes[out++] = static_cast<std::uint8_t>(bits >> count);
    }
  }
  return id;
}

uuid make_uuid(std::uint64_t high, std::uint64_t low) {
  uuid id;
  std::memcpy(id.bytes.data(), &high, sizeof high);
  std::memcpy(id.bytes.data() + sizeof high, &low, sizeof low);
  id.bytes[6] = static_cast<std::uint8_t>((id.bytes[6] & 0x0f) | 0x40);
  id.bytes[8] = static_cast<std::uint8_t>((id.bytes[8] & 0x3f) | 0x80);
  // The first character carries the first six bits; '-' is digit 62.
  if (id.bytes[0] >> 2 == 62) id.bytes[0] ^= 0x80;
  return id;
}

}  // namespace karst
