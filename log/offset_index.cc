#include "log/offset_index.h"

#include <algorithm>
#include <limits>

#include "reactor/base/endian.h"

namespace karst::log {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int32_t>::max();

}  // namespace

std::optional<offset_index> offset_index::decode(offset segment_base,
                                                 std::span<std::byte const> file) {
  offset_index index{segment_base};
  if (file.size() % entry_bytes != 0) return std::nullopt;
  index.entries_.reserve(file.size() / entry_bytes);
  for (; !file.empty(); file = file.subspan(entry_bytes)) {
    auto relative = load_be<std::int32_t>(file.data());
    auto at = load_be<std::int32_t>(file.data() + 4);
    // Only the first entry may be all zero: relative offset 0 at position 0.
    if (relative == 0 && at == 0 && !index.empty()) break;
    auto before = index.size();
    if (relative < 0 || at < 0) return std::nullopt;
    index.append(segment_base + relative, {static_cast<std::uint64_t>(at)});
    if (index.size() == before) return std::nullopt;
  }
  bool rest_is_zero = std::ranges::all_of(file, [](std::byte b) { return b == std::byte{0}; });
  if (!rest_is_zero) return std::nullopt;
  return index;
}

void offset_index::append(offset last, position at) {
  auto relative = last - base_;
  if (relative < 0 || relative > largest || at.value > static_cast<std::uint64_t>(largest)) return;
  if (!empty() && (relative <= entries_.back().relative || at.value <= entries_.back().at)) return;
  entries_.push_back({static_cast<std::uint32_t>(relative), static_cast<std::uint32_t>(at.value)});
}

position offset_index::lookup(offset target) const {
  auto after = std::ranges::upper_bound(entries_, target - base_, {},
                                        [](entry const& e) { return std::int64_t{e.relative}; });
  return {after == entries_.begin() ? 0 : (after - 1)->at};
}

void offset_index::truncate(offset end) {
  while (!empty() && last_offset() >= end) entries_.pop_back();
}

std::vector<std::byte> offset_index::encode(std::size_t first) const {
  std::vector<std::byte> bytes((size() - first) * entry_bytes);
  auto* to = bytes.data();
  for (auto i = first; i < size(); ++i, to += entry_bytes) {
    store_be(to, entries_[i].relative);
    store_be(to + 4, entries_[i].at);
  }
  return bytes;
}

}  // namespace karst::log
