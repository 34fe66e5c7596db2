#pragma once

#include <memory>
#include <vector>

#include "log/aligned_memory.h"
#include "log/journal_entry.h"
#include "log/journal_format.h"
#include "reactor/buffer_chain.h"

namespace karst::log {

class disk_log;

// What a group will have made durable for one log once it and all before it are.
struct group_member {
  disk_log* log = nullptr;  // null: removed meanwhile
  offset end;
  log_position position;
};

// One journal write being formed, then in flight, then kept for reuse: entries are encoded straight
// into aligned memory; bodies of large batches are shared from the tails. Its memory is not touched
// between seal() and the end of its write (I-15).
class journal_group {
 public:
  journal_group();
  journal_group(journal_group const&) = delete;
  journal_group& operator=(journal_group const&) = delete;

  // Its place: decided when it begins, so that what it takes is known to fit.
  std::uint64_t file_ordinal = 0;
  std::uint64_t position = 0;
  std::uint64_t sequence = 0;
  std::uint64_t live_from = 0;
  bool done = false;
  std::vector<group_member> members;

  void reset();
  bool empty() const { return entry_bytes_ == group_header::encoded_bytes; }
  // Bytes on disk with so much more in it.
  std::size_t size_with(std::size_t inline_bytes, std::size_t body_bytes) const {
    return align_up(entry_bytes_ + inline_bytes, block_size) + body_bytes_ + body_bytes;
  }
  std::size_t size() const { return size_with(0, 0); }
  // Without padding.
  std::size_t content_bytes() const { return entry_bytes_ + body_bytes_; }
  // Memory for the next entry, within what size_with allowed.
  std::span<std::byte> add(std::size_t inline_bytes);
  void add_body(buffer_chain body);
  // Pads, hashes and writes the header. Returns the hash, which the next group is chained to.
  std::uint64_t seal(std::uint64_t run, std::uint64_t previous_hash, bool clean);
  std::vector<iovec> vectors();

 private:
  aligned_memory memory_;
  std::size_t entry_bytes_ = group_header::encoded_bytes;
  std::size_t body_bytes_ = 0;
  buffer_chain bodies_;
};

}  // namespace karst::log
