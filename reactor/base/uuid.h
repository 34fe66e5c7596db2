#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "reactor/base/hash.h"

namespace karst {

// A topic or cluster id: 16 random bytes; all zero means none. Text form: 22 characters of
// base64url, as Kafka prints it.
struct uuid {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(uuid const&) const = default;
  bool is_zero() const { return *this == uuid{}; }
  std::size_t hash() const { return hash_bytes(bytes.data(), bytes.size()); }
};

std::string to_string(uuid const& id);
// nullopt unless it is exactly 22 base64url characters.
std::optional<uuid> parse_uuid(std::string_view text);
// A random (version 4) uuid from two random numbers; never one whose text begins with '-' (command
// lines), as Kafka's Uuid.randomUuid.
uuid make_uuid(std::uint64_t high, std::uint64_t low);

}  // namespace karst
