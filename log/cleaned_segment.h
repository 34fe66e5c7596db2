#pragma once

#include <memory>

#include "log/aligned_memory.h"
#include "log/batch.h"
#include "log/segment.h"

namespace karst::log {

// The segment that compaction writes in place of others, under names that nobody else looks at
// (*.cleaned) until it is exchanged for them (compaction_swap). Written from front to back in large
// pieces past the page cache, in the lowest I/O class, into space that was allocated before.
// Nothing of it counts before finish() is done; after an error, discard() it. One core.
class cleaned_segment {
 public:
  // `part` is the segment to be: it gets the indexes, size and timestamps on the way.
  cleaned_segment(std::shared_ptr<segment> part, std::int64_t index_interval, bool direct)
      : part_(std::move(part)), index_interval_(index_interval), direct_(direct) {}

  task<expected<>> create();
  // True: write_out() before the next one.
  bool add(std::span<std::byte const> batch, batch_header const& header);
  task<expected<>> write_out();
  // The rest of it, cut to its size and synced, with its index files and their directory.
  task<expected<>> finish();
  task<> discard();

  std::shared_ptr<segment> const& part() const { return part_; }
  std::uint64_t bytes_written() const { return written_; }

 private:
  task<expected<>> write_blocks(std::size_t bytes);

  std::shared_ptr<segment> part_;
  std::int64_t index_interval_;
  bool direct_;
  file target_;
  aligned_memory buffer_;
  std::size_t filled_ = 0;
  std::uint64_t written_ = 0;  // whole blocks in the file
  std::uint64_t allocated_ = 0;
};

}  // namespace karst::log
