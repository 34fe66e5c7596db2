#pragma once

#include <deque>
#include <span>

#include "log/log_state.h"
#include "log/tail_cache.h"
#include "reactor/buffer_chain.h"

namespace karst::log {

// The newest bytes of one log in memory, at the same phase as the file: it serves consumers and
// feeds the segment writes (STORAGE.md 1). Pieces lie one after another; at a roll the next piece
// begins at position 0 of the next segment. Bytes are written behind the end first and count once
// commit() takes them; what is committed never changes, so readers and writes in flight share it.
// Lives with its log on one core.
class tail {
 public:
  explicit tail(tail_cache& cache) : cache_(cache) {}
  ~tail() { clear(); }
  tail(tail const&) = delete;
  tail& operator=(tail const&) = delete;

  // Empties it; the next byte is at `where`, of which only the block's earlier bytes are given
  // (`remainder`). False: no memory, nothing has changed.
  bool start(log_position where, std::span<std::byte const> remainder);
  bool started() const { return started_; }
  log_position end() const { return end_; }
  // Memory for `bytes` more. False: no memory, nothing has changed.
  bool reserve(std::size_t bytes);
  // Writes at the uncommitted end, within what was reserved.
  void write(std::span<std::byte const> bytes);
  // The same, continuing a CRC-32C over it in one pass.
  std::uint32_t write_crc(std::uint32_t crc, std::span<std::byte const> bytes);
  void commit();
  void rollback();
  // The next byte belongs to position 0 of `segment`.
  void roll(offset segment);

  // The first position of `segment` that is here; end() of that segment when none is.
  bool holds(log_position from) const;
  log_position first() const;
  // Shares [from, from + bytes) of one segment, which must be here.
  buffer_chain slice(log_position from, std::size_t bytes) const;
  // The same as vectors for a write; the caller keeps the pieces alive with slice().
  void copy_to(log_position from, std::span<std::byte> to) const;

  // Everything before `durable` is in the segments: pieces that lie before it may be given up.
  void durable_through(log_position durable);
  // What is here of segments up to this one, all of them durable in their files, is not what they
  // hold any more. Gives back `most` pieces at once; false: there are more.
  bool forget_through(offset segment, std::size_t most);
  // Everything before the last block is in the segments: keeps only that block, in a piece of the
  // smallest size, as far as there is memory for it. Readers and writes keep what they share.
  void compact();
  // The cache takes a chunk back.
  void drop(tail_chunk& chunk);
  void clear();

 private:
  struct piece {
    offset segment;
    std::uint64_t start = 0;  // position of its first byte, a multiple of 4,096
    std::uint32_t filled = 0;
    tail_chunk* chunk = nullptr;
    buffer memory;  // one reference, the whole chunk
    std::uint64_t end() const { return start + filled; }
    std::uint64_t limit() const { return start + chunk->capacity; }
  };
  bool add_piece(offset segment, std::uint64_t start, std::size_t least);
  template <typename Copy>
  void write_pieces(std::span<std::byte const> bytes, Copy copy);
  void drop_front();
  std::size_t find(log_position from) const;

  tail_cache& cache_;
  std::deque<piece> pieces_;
  bool started_ = false;
  log_position end_;            // committed
  std::uint64_t written_ = 0;   // position up to which bytes are written, in end_'s segment
  std::size_t next_class_ = 0;  // grows while pieces fill up
  std::size_t evictable_ = 0;   // pieces at the front that the cache may take
};

}  // namespace karst::log
