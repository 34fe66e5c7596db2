#include "tools/partitioner.h"

#include "reactor/base/endian.h"

namespace karst::tools {

std::uint32_t murmur2(std::string_view bytes) {
  constexpr std::uint32_t m = 0x5bd1e995;
  constexpr std::uint32_t seed = 0x9747b28c;
  auto hash = seed ^ static_cast<std::uint32_t>(bytes.size());
  while (bytes.size() >= 4) {
    auto k = load_le<std::uint32_t>(bytes.data());
    k *= m;
    k ^= k >> 24;
    k *= m;
    hash = hash * m ^ k;
    bytes.remove_prefix(4);
  }
  for (std::size_t i = bytes.size(); i-- > 0;) {
    hash ^= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
    if (i == 0) hash *= m;
  }
  hash ^= hash >> 13;
  hash *= m;
  return hash ^ hash >> 15;
}

std::int32_t partitioner::of(std::optional<std::string_view> key) const {
  if (!key) return sticky_;
  return static_cast<std::int32_t>((murmur2(*key) & 0x7fffffffu) %
                                   static_cast<std::uint32_t>(partitions_));
}

}  // namespace karst::tools
