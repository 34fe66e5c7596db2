#pragma once

#include <memory>
#include <string>

#include "log/aligned_memory.h"
#include "log/batch_cursor.h"
#include "reactor/file.h"

namespace karst::log {

// Reads a sealed segment from front to back, in large pieces past the page cache and in the lowest
// I/O class, and gives its batches whole, their CRC checked. For work in the background on one
// core; one segment after another, with one window of memory that grows to the largest batch.
class sealed_reader {
 public:
  explicit sealed_reader(bool direct) : direct_(direct) {}

  // Its batches end at `size`.
  task<expected<>> open(std::string path, std::uint64_t from, std::uint64_t size);
  // The next batch, valid until the next call of advance(): nullptr when there is none in memory.
  batch_view const* next();
  // Reads on; false at the end. corrupt: what comes next is no batch, or not what was written;
  // `position()` says where.
  task<expected<bool>> advance();
  std::uint64_t position() const { return position_; }
  // Bytes read since the start of the object.
  std::uint64_t bytes_read() const { return bytes_read_; }
  task<> close();

 private:
  task<expected<>> read_more();

  bool direct_;
  file source_;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;  // in the file: of the next batch
  std::uint64_t read_to_ = 0;   // in the file: what was read ends here; a block's edge
  aligned_memory memory_;
  std::size_t begin_ = 0;  // in memory: the next batch
  std::size_t end_ = 0;    // in memory: what was read, up to the segment's size
  batch_view current_;
  bool damaged_ = false;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace karst::log
