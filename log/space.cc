#include "log/space.h"

#include "log/limits.h"

namespace karst::log {
namespace {

// How much more than a mark must be free to end what began at it.
std::uint64_t with_margin(std::uint64_t mark) {
  return mark + std::min<std::uint64_t>(mark / 16, limit::free_space_margin);
}

}  // namespace

std::uint64_t space::hard_mark() const {
  if (rules_.hard_bytes != 0) return rules_.hard_bytes;
  return std::min<std::uint64_t>(limit::free_space_least, now_.total_bytes / 20);
}

std::uint64_t space::soft_mark() const {
  if (rules_.soft_percent == 0) return 0;
  auto const hard = hard_mark();
  return std::max(now_.total_bytes / 100 * rules_.soft_percent, hard + hard / 4);
}

bool space::update(disk_space now) {
  now_ = now;
  auto const before = level_;
  auto below = [this](std::uint64_t mark, bool already) {
    return now_.available_bytes < (already ? with_margin(mark) : mark);
  };
  if (below(hard_mark(), before == space_level::full)) {
    level_ = space_level::full;
  } else if (below(soft_mark(), before != space_level::ample)) {
    level_ = space_level::low;
  } else {
    level_ = space_level::ample;
  }
  return level_ != before;
}

std::uint64_t space::excess() const {
  auto const wanted = with_margin(soft_mark());
  return wanted - std::min(wanted, now_.available_bytes);
}

std::string space::report() const {
  auto const left = now_.available_bytes;
  switch (level_) {
    case space_level::full:
      return fmt::format(
          "{} has {} bytes left, less than the hard mark of {} (karst.space.hard.bytes): produce "
          "requests are refused until there is room; everything else goes on; delete topics, lower "
          "their retention, or enlarge the volume",
          directory_, left, hard_mark());
    case space_level::low:
      return fmt::format(
          "{} has {} bytes left, less than the soft mark of {} (karst.space.soft.percent={}): {}; "
          "below {} bytes produce requests are refused",
          directory_, left, soft_mark(), rules_.soft_percent,
          rules_.policy == space_policy::delete_oldest
              ? "the oldest segments are deleted before their time (karst.space.policy)"
              : "delete topics, lower their retention, enlarge the volume, or set "
                "karst.space.policy=delete-oldest",
          hard_mark());
    case space_level::ample:
      break;
  }
  return fmt::format("{} has room again: {} bytes", directory_, left);
}

std::string space::refusal() const {
  return fmt::format(
      "log directory {} has {} bytes left, less than the hard mark of {} bytes "
      "(karst.space.hard.bytes): nothing was appended; it is accepted again when there is room",
      directory_, now_.available_bytes, hard_mark());
}

}  // namespace karst::log
