#pragma once

#include <tsl/robin_map.h>
#include <xxhash.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace karst {

// XXH3: one hash for maps, journal groups and traces, the same in every run (reproducible
// simulations need that).
inline std::uint64_t hash_bytes(void const* data, std::size_t size, std::uint64_t seed = 0) {
  return XXH3_64bits_withSeed(data, size, seed);
}

struct hasher {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return hash_bytes(text.data(), text.size());
  }
  template <typename T>
    requires(std::is_integral_v<T> || std::is_enum_v<T>)
  std::size_t operator()(T value) const {
    return hash_bytes(&value, sizeof value);
  }
  // A type with its own hash() joins in.
  template <typename T>
    requires requires(T const& value) { value.hash(); }
  std::size_t operator()(T const& value) const {
    return value.hash();
  }
};

// The one hash map. Iteration order is a function of the content's history only, but still never
// let it be seen by a user or peer.
template <typename Key, typename Value>
using hash_map = tsl::robin_map<Key, Value, hasher, std::equal_to<>>;

}  // namespace karst
