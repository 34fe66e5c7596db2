#include "bench/frame_splitter.h"

#include <algorithm>

#include "reactor/base/endian.h"

namespace karst::bench {

std::size_t frame_splitter::frame_size(std::span<std::byte const> bytes) {
  if (bytes.size() < length_bytes) return frame_bytes_max;
  auto length = load_be<std::uint32_t>(bytes.data());
  return length > frame_bytes_max - length_bytes ? bad : length_bytes + length;
}

bool frame_splitter::keep(std::span<std::byte const>& bytes) {
  auto wanted = partial_.size() < length_bytes ? length_bytes : frame_size(partial_);
  auto take = std::min(wanted - partial_.size(), bytes.size());
  partial_.insert(partial_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(take));
  bytes = bytes.subspan(take);
  return partial_.size() < length_bytes || frame_size(partial_) != bad;
}

}  // namespace karst::bench
