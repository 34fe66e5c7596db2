#pragma once

#include <optional>
#include <vector>

#include "log/decompressor.h"
#include "log/record_walk.h"

namespace karst::log {

// One record of a batch v2 with its bytes, as far as compaction needs to know it. Views, valid
// until visit() returns.
struct raw_record {
  std::span<std::byte const> bytes;  // all of it, the length field included
  std::size_t after_timestamp = 0;   // where in `bytes` its offset delta begins
  std::int64_t timestamp_delta = 0;
  std::int32_t offset_delta = 0;
  std::optional<std::span<std::byte const>> key;
  bool has_value = false;  // false: a tombstone
};

// Gives the records of one batch after another, compressed or not, each in one piece, in slices
// with a chance for others between. Holds the decompressor's slice and at most one record that
// spans slices. The batch must outlive it; the decompressor is its own while it lasts.
class record_stream {
 public:
  explicit record_stream(decompressor& inflate) : inflate_(inflate) {}

  void start(buffer_chain const& batch, batch_header const& header, std::size_t most_output);
  // The records of the next slice: visit(raw_record const&) -> bool, false to stop. Errors: those
  // of the codec; invalid_record when a record is malformed, or there are more or fewer than the
  // header says; batch_too_large for a record above limit::compacted_record.
  template <typename Visit>
  expected<walk_state, errc> step(Visit&& visit) {
    if (unknown_codec_) return std::unexpected(errc::corrupt_batch);
    auto slice = inflate_.next();
    if (!slice) return std::unexpected(slice.error());
    if (slice->empty()) {
      if (left_ != 0 || (!partial_.empty() && !given_)) {
        return std::unexpected(errc::invalid_record);
      }
      return walk_state::done;
    }
    auto bytes = *slice;
    while (!bytes.empty()) {
      raw_record record;
      auto whole = next(bytes, record);
      if (!whole) return std::unexpected(whole.error());
      if (!*whole) break;
      if (--left_ < 0) return std::unexpected(errc::invalid_record);
      if (!visit(record)) return walk_state::stopped;
    }
    return walk_state::more;
  }
  // Bytes inflated so far.
  std::size_t produced() const { return inflate_.produced(); }

 private:
  // Cuts the next record off; false: it goes on beyond `bytes`, which were kept.
  expected<bool, errc> next(std::span<std::byte const>& bytes, raw_record& record);
  expected<bool, errc> complete(std::span<std::byte const>& bytes);

  decompressor& inflate_;
  bool unknown_codec_ = false;
  std::int32_t left_ = 0;
  std::vector<std::byte> partial_;  // of a record that spans slices; what was given is overwritten
  bool given_ = false;              // partial_ is the record that was given last
};

// What a batch of a log may inflate to: as at its validation, but by its own size where
// max.message.bytes was lowered since.
std::size_t most_inflated(std::int64_t max_message_bytes, std::size_t batch_bytes);

}  // namespace karst::log
