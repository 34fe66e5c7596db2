#pragma once

#include <memory>
#include <string>

#include "reactor/io/io.h"

namespace karst {

// Which io to use; anything but automatic is for operators and tests that want to be sure.
enum class io_choice : std::uint8_t { automatic, io_uring, epoll };

// What the start found: for the start report, the metrics and the bench output.
struct io_report {
  std::string name;  // "io_uring (defer_taskrun)", "io_uring (coop_taskrun)", "epoll"
  std::string
      reason;  // why not io_uring, with the remedy; empty when it is, or when epoll was asked for
  errc refused = errc::ok;  // the reason's code
};

struct made_io {
  std::unique_ptr<karst::io> io;
  io_report report;
};

// Makes the io of the calling thread, which alone may use it (except wake): io_uring with the full
// profile, else without DEFER_TASKRUN, else epoll with the reason in the report. error: io_uring
// was demanded and is refused.
expected<made_io, error> make_io(io_choice choice);

}  // namespace karst
