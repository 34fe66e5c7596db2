#pragma once

#include "log/decompressor.h"
#include "log/record_scanner.h"

namespace karst::log {

enum class walk_state : std::uint8_t { more, done, stopped };

// Looks at every record of one batch, compressed or not, in slices: step() until it is done, with a
// chance for others between. Holds no record. The batch and the decompressor must outlive it; the
// decompressor is its own while it lasts.
class record_walk {
 public:
  record_walk(decompressor& inflate, buffer_chain const& batch, batch_header const& header,
              std::size_t most_output)
      : inflate_(inflate), left_(header.record_count) {
    inflate_.start(header.compression(), batch, batch_layout::records,
                   batch.size() - batch_layout::records, most_output);
  }

  // Looks at the records of the next slice: visit(record_facts const&) -> bool, false to stop.
  // Errors: those of the codec; invalid_record when a record is malformed, or there are more or
  // fewer than the header says.
  template <typename Visit>
  expected<walk_state, errc> step(Visit&& visit) {
    auto slice = inflate_.next();
    if (!slice) return std::unexpected(slice.error());
    if (slice->empty()) {
      if (left_ != 0 || !scanner_.between_records()) return std::unexpected(errc::invalid_record);
      return walk_state::done;
    }
    auto wanted = true;
    auto fed = scanner_.feed(*slice, [&](record_facts const& facts) {
      if (--left_ < 0) return false;
      ++seen_;
      wanted = visit(facts);
      return wanted;
    });
    if (!wanted) return walk_state::stopped;
    if (!fed) return std::unexpected(errc::invalid_record);
    return walk_state::more;
  }
  // Records looked at so far: the index of the next one, which is the one at fault after
  // invalid_record.
  std::int32_t seen() const { return seen_; }

 private:
  decompressor& inflate_;
  record_scanner scanner_;
  std::int32_t left_;
  std::int32_t seen_ = 0;
};

}  // namespace karst::log
