#include "reactor/io/make_io.h"

#include "reactor/io/io_poll.h"
#include "reactor/io/io_uring.h"

namespace karst {

expected<made_io, error> make_io(io_choice choice) {
  made_io made;
  if (choice != io_choice::epoll) {
    auto ring = uring_io::make();
    if (ring) {
      made.report.name =
          (*ring)->profile().defer_taskrun ? "io_uring (defer_taskrun)" : "io_uring (coop_taskrun)";
      made.io = std::move(*ring);
      return made;
    }
    if (choice == io_choice::io_uring) {
      return fail(ring.error().code, ring.error().remedy, "cannot use io_uring: {}",
                  ring.error().what);
    }
    made.report.reason = ring.error().message();
    made.report.refused = ring.error().code;
  }
  made.report.name = "epoll";
  made.io = std::make_unique<poll_io>();
  return made;
}

}  // namespace karst
