#include "cluster/progress_report.h"

#include "reactor/base/logging.h"
#include "reactor/core.h"

namespace karst::cluster {

log::progress_callback progress_report(std::string what) {
  auto begun = core::current().clock().now();
  return [what = std::move(what), begun, last = begun](log::progress made) mutable {
    auto now = core::current().clock().now();
    if (now - last < 1s || made.of == 0) return;
    last = now;
    auto share = static_cast<double>(made.done) / static_cast<double>(made.of);
    auto passed = std::chrono::duration<double>(now - begun).count();
    auto left = share > 0 ? passed / share - passed : 0;
    logging::info("broker", "{}: {:.0f} %, about {:.0f} s left", what, share * 100, left);
  };
}

}  // namespace karst::cluster
