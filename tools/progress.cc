#include "tools/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace karst::tools {
namespace {

constexpr duration first_after = 1s;
constexpr duration between = 200ms;

}  // namespace

progress::progress(std::string what, std::optional<std::uint64_t> total_bytes, time_point now)
    : what_(std::move(what)),
      total_(total_bytes),
      started_(now),
      next_(now + first_after),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

progress::~progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void progress::update(std::uint64_t bytes, std::uint64_t records, time_point now) {
  if (!terminal_ || now < next_) return;
  next_ = now + between;
  shown_ = true;
  auto seconds = std::chrono::duration<double>(now - started_).count();
  auto share = total_ && *total_ != 0
                   ? fmt::format(" of {:.0f} MiB ({:.0f} %)", static_cast<double>(*total_) / MiB,
                                 100.0 * static_cast<double>(bytes) / static_cast<double>(*total_))
                   : std::string{" MiB"};
  fmt::print(stderr, "\r\033[K{}: {} records, {:.0f}{}, {:.1f} MiB/s", what_, records,
             static_cast<double>(bytes) / MiB, share, static_cast<double>(bytes) / MiB / seconds);
  std::fflush(stderr);
}

}  // namespace karst::tools
