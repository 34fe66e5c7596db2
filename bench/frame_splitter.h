#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace karst::bench {

// Cuts received bytes into small frames (a 4-byte big-endian length, then so many bytes), in place
// where a frame lies whole in them. Unlike net's frame_reader it keeps nothing alive and allocates
// nothing per frame: what is visited is valid until visit returns. For answers that we asked for,
// so their length is believed up to a limit. A value.
class frame_splitter {
 public:
  // Calls visit(std::span<std::byte const> frame), the length included, for each frame that is
  // whole. False: a length that no answer has; the stream is lost.
  template <typename Visit>
  bool feed(std::span<std::byte const> bytes, Visit&& visit) {
    while (!bytes.empty()) {
      if (partial_.empty()) {
        auto size = frame_size(bytes);
        if (size == bad) return false;
        if (size <= bytes.size()) {
          visit(bytes.first(size));
          bytes = bytes.subspan(size);
          continue;
        }
      }
      // The end of the piece cuts a frame: what is there of it is kept.
      if (!keep(bytes)) return false;
      if (partial_.size() >= length_bytes && partial_.size() == frame_size(partial_)) {
        visit(std::span<std::byte const>{partial_});
        partial_.clear();
      }
    }
    return true;
  }

 private:
  static constexpr std::size_t length_bytes = 4;
  static constexpr std::size_t frame_bytes_max = 1 << 20;
  static constexpr std::size_t bad = 0;

  // Of the frame that begins here; more than there is when not even its length is there.
  static std::size_t frame_size(std::span<std::byte const> bytes);
  // Moves bytes of the frame that was cut from `bytes` to partial_.
  bool keep(std::span<std::byte const>& bytes);

  std::vector<std::byte> partial_;
};

}  // namespace karst::bench
