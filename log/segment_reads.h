#pragma once

#include <array>
#include <memory>

#include "reactor/buffer_chain.h"
#include "reactor/file.h"
#include "reactor/semaphore.h"

namespace karst::log {

// Reads segment files for consumers, for all logs of one core in one directory. What is in the page
// cache is taken at once. The rest comes from the device in pieces, only so many at a time: a
// device takes requests in their order, so that a producer's journal write waits behind all that
// was asked before it. A reader who goes on where it stopped finds what comes next in the page
// cache: it is read ahead while the last answer is sent, through the same gate. Files are to be
// opened with open_exact, or the kernel reads ahead as well, past the gate.
//
// Memory for what is read is the core's (slab.h), used again and again while it is warm; where it
// has run out, from the heap. is_short() says so beforehand: then ask for little.
class segment_reads {
 public:
  // `cores` share the device.
  explicit segment_reads(core_id cores);

  // What the file has of [from, from + bytes): fewer only at its end. Bytes up to `end` are written
  // and stay as they are, so that reading ahead ends there.
  task<expected<buffer_chain>> read(std::shared_ptr<file> source, std::uint64_t from,
                                    std::size_t bytes, std::uint64_t end);
  static bool is_short();

  struct counters {
    std::uint64_t resident_bytes = 0;
    std::uint64_t device_bytes = 0;
    std::uint64_t ahead_bytes = 0;
  };
  counters const& counted() const { return state_->counted; }

 private:
  // A reader whom the device made wait, and where it stopped.
  struct stream {
    file const* source = nullptr;  // only compared: a chance match costs some reading ahead
    std::uint64_t at = 0;
    std::uint64_t used = 0;  // when, by number of reads
  };
  // Outlives this object as long as something is read ahead.
  struct state {
    explicit state(std::size_t slots) : gate(slots) {}
    semaphore gate;
    std::size_t ahead_running = 0;
    counters counted;
  };
  static task<> read_ahead(std::shared_ptr<state> shared, std::shared_ptr<file> source,
                           std::uint64_t from, std::uint64_t end);
  void go_on(std::shared_ptr<file> const& source, std::uint64_t from, std::uint64_t to,
             std::uint64_t end, bool cold);

  std::shared_ptr<state> state_;
  std::array<stream, 32> streams_;
  std::uint64_t reads_ = 0;
};

}  // namespace karst::log
