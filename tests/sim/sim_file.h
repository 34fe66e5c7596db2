#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "reactor/base/units.h"
#include "tests/sim/sim_random.h"

namespace karst::sim {

// What a power cut keeps or drops as one: the smallest logical block of a disk.
inline constexpr std::size_t sector_bytes = 512;

enum class extent : std::uint8_t { hole, unwritten, written };

// One state of a file's bytes, in blocks of 4,096 shared between copies: a snapshot of a large file
// is cheap.
class file_content {
 public:
  std::uint64_t size() const { return size_; }
  std::uint64_t allocated_blocks() const;
  // How many blocks of [offset, offset + length) are holes.
  std::uint64_t holes(std::uint64_t offset, std::uint64_t length) const;
  // True when the range has blocks that were written before and blocks that were not (STORAGE
  // I-14).
  bool straddles(std::uint64_t offset, std::uint64_t length) const;
  std::size_t read(std::uint64_t offset, std::span<std::byte> to) const;
  void write(std::uint64_t offset, std::span<std::byte const> bytes);
  void allocate(std::uint64_t offset, std::uint64_t length);
  void zero(std::uint64_t offset, std::uint64_t length);
  void truncate(std::uint64_t length);

 private:
  using page = std::array<std::byte, block_size>;
  struct block {
    std::shared_ptr<page const> bytes;  // null: zeros
    extent state = extent::hole;
  };
  void write_in_block(std::uint64_t index, std::size_t at, std::span<std::byte const> bytes);

  std::uint64_t size_ = 0;
  std::vector<block> blocks_;
};

// A file as a disk sees it: the state that reads return, the state that is surely on the device,
// and the changes between the two in their order. A sync or a durable write makes changes sure; a
// power cut keeps, drops or tears each other one.
class sim_file {
 public:
  file_content const& current() const { return current_; }

  // A write from its submission on: a power cut may have any of its sectors.
  std::uint64_t begin_write(std::uint64_t offset, std::vector<std::byte> bytes);
  void finish_write(std::uint64_t token, bool durable);
  // Some of its sectors are written, none surely. Forgotten, because the device failed it: no later
  // sync makes them sure. Not forgotten, because the writer was killed: a sync does.
  void fail_write(std::uint64_t token, random_source& random, bool forgotten);

  void allocate(std::uint64_t offset, std::uint64_t length);
  void zero(std::uint64_t offset, std::uint64_t length);
  void truncate(std::uint64_t length);

  // A sync covers what was complete when it began.
  std::uint64_t sync_mark() const { return next_; }
  void finish_sync(std::uint64_t mark);
  // As Linux does (fsyncgate): the changes are forgotten, so that a later sync says yes and makes
  // nothing of them sure.
  void fail_sync(std::uint64_t mark);
  // For tests that prepare a disk, and for damage below everything: flips the bits of `mask` in the
  // stored byte.
  void damage(std::uint64_t offset, std::uint8_t mask);

  // What the device holds after a power cut; each unsure change survives with `keep_percent`.
  file_content after_power_cut(random_source& random, unsigned keep_percent) const;
  static sim_file of(file_content content);

 private:
  enum class change_kind : std::uint8_t { write, allocate, zero, truncate };
  struct change {
    change_kind kind{};
    std::uint64_t number = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::vector<std::byte> bytes;
    bool durable = false;
    bool forgotten = false;
  };
  static void apply(change const& what, file_content& to);
  static void apply_torn(change const& what, file_content& to, random_source& random);
  void record(change what);
  change take_in_flight(std::uint64_t token);
  void fold();

  file_content durable_;
  file_content current_;
  std::deque<change>
      changes_;  // complete, in order; durable ones at the front are folded into durable_
  std::vector<change> in_flight_;  // writes that were submitted and are not complete
  std::uint64_t next_ = 1;
};

}  // namespace karst::sim
