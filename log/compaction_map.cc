#include "log/compaction_map.h"

#include <xxhash.h>

#include <algorithm>

#include "reactor/base/assert.h"

namespace karst::log {
namespace {

constexpr std::size_t least_places = 16;

std::size_t places_for(std::uint64_t keys, std::size_t most_bytes) {
  auto const most = std::max(most_bytes / compaction_map::entry_bytes, least_places);
  // Half as many again where there is room, so that a look-up meets few others.
  return std::clamp<std::uint64_t>(keys + keys / 2, least_places, most);
}

}  // namespace

compaction_map::compaction_map(std::uint64_t keys, std::size_t most_bytes, std::uint64_t seed)
    : seed_(seed),
      places_(places_for(keys, most_bytes)),
      capacity_(places_ / 10 * 9 + places_ % 10 * 9 / 10),
      // Zeroed by the kernel when a page is first touched.
      entries_(static_cast<entry*>(std::calloc(places_, sizeof(entry)))) {
  KARST_ASSERT(entries_ != nullptr, "no memory for {} keys", places_);
}

// Where the key is or would be. A tenth of the places is always free, so the search ends.
compaction_map::entry& compaction_map::place_of(std::span<std::byte const> key,
                                                entry& wanted) const {
  auto const hash = XXH3_128bits_withSeed(key.data(), key.size(), seed_);
  wanted.low = hash.low64;
  wanted.high = hash.high64;
  // The high half times the places, shifted: as even as a remainder, and cheaper.
  auto at = static_cast<std::size_t>((static_cast<unsigned __int128>(hash.high64) * places_) >> 64);
  while (true) {
    auto& here = entries_[at];
    if (here.next == 0 || (here.low == wanted.low && here.high == wanted.high)) return here;
    if (++at == places_) at = 0;
  }
}

bool compaction_map::put(std::span<std::byte const> key, offset at) {
  entry wanted{};
  auto& here = place_of(key, wanted);
  if (here.next == 0) {
    if (size_ == capacity_) return false;
    ++size_;
    here = wanted;
  }
  here.next = at.value + 1;
  return true;
}

offset compaction_map::find(std::span<std::byte const> key) const {
  entry wanted{};
  return {place_of(key, wanted).next - 1};
}

}  // namespace karst::log
