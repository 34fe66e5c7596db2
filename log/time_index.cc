#include "log/time_index.h"

#include <algorithm>
#include <limits>

#include "reactor/base/endian.h"

namespace karst::log {

std::optional<time_index> time_index::decode(offset segment_base, std::span<std::byte const> file) {
  time_index index{segment_base};
  if (file.size() % entry_bytes != 0) return std::nullopt;
  index.stored_.reserve(file.size() / entry_bytes);
  for (; !file.empty(); file = file.subspan(entry_bytes)) {
    auto timestamp = load_be<std::int64_t>(file.data());
    auto relative = load_be<std::int32_t>(file.data() + 8);
    // An all-zero entry is preallocated space: as an entry it would only say what no entry says.
    if (timestamp == 0 && relative == 0) break;
    auto before = index.size();
    index.append(timestamp, segment_base + relative);
    if (index.size() == before) return std::nullopt;
  }
  bool rest_is_zero = std::ranges::all_of(file, [](std::byte b) { return b == std::byte{0}; });
  if (!rest_is_zero) return std::nullopt;
  return index;
}

void time_index::append(wall_ms timestamp, offset at) {
  auto relative = at - base_;
  if (timestamp < 0 || relative < 0 || relative > std::numeric_limits<std::int32_t>::max()) return;
  if (!empty() && (timestamp <= stored_.back().timestamp || relative <= stored_.back().relative)) {
    return;
  }
  stored_.push_back({timestamp, static_cast<std::uint32_t>(relative)});
}

offset time_index::lookup(wall_ms timestamp) const {
  auto not_below = std::ranges::lower_bound(stored_, timestamp, {}, &stored::timestamp);
  return not_below == stored_.begin() ? base_ : base_ + (not_below - 1)->relative;
}

void time_index::truncate(offset end) {
  while (!empty() && last().at >= end) stored_.pop_back();
}

time_index::entry time_index::last() const {
  if (empty()) return {-1, base_};
  return {stored_.back().timestamp, base_ + stored_.back().relative};
}

std::vector<std::byte> time_index::encode(std::size_t first) const {
  std::vector<std::byte> bytes((size() - first) * entry_bytes);
  auto* to = bytes.data();
  for (auto i = first; i < size(); ++i, to += entry_bytes) {
    store_be(to, stored_[i].timestamp);
    store_be(to + 8, stored_[i].relative);
  }
  return bytes;
}

}  // namespace karst::log
