#pragma once

#include <cstdint>
#include <string>

#include "reactor/io/io.h"

namespace karst::log {

// What happens at the soft mark: only a warning, or the oldest sealed segments of topics with
// cleanup.policy=delete go before their time.
enum class space_policy : std::uint8_t { refuse, delete_oldest };

struct space_rules {
  std::uint64_t hard_bytes = 0;                // karst.space.hard.bytes; 0: limit::free_space_least
  unsigned soft_percent = 10;                  // karst.space.soft.percent; 0: no soft mark
  space_policy policy = space_policy::refuse;  // karst.space.policy
};

enum class space_level : std::uint8_t {
  ample,
  low,   // below the soft mark
  full,  // below the hard mark: produce is refused
};

// How full the volume of a log directory is, by two marks of free bytes (STORAGE.md 6).
// Preallocated space counts as used. Between the marks and a little above each the level stays as
// it is, so that it does not change with every write. A plain value: whoever owns it asks the file
// system.
class space {
 public:
  space(std::string directory, space_rules rules)
      : directory_(std::move(directory)), rules_(rules) {}

  // The volume as it is now. True when the level has changed.
  bool update(disk_space now);
  space_level level() const { return level_; }
  space_policy policy() const { return rules_.policy; }
  std::uint64_t hard_mark() const;
  std::uint64_t soft_mark() const;
  // Bytes that have to go until the level is ample.
  std::uint64_t excess() const;

  // For the operator: what is so, and what to do.
  std::string report() const;
  // For the client whose records are refused: mark, directory and bytes.
  std::string refusal() const;

 private:
  std::string directory_;
  space_rules rules_;
  disk_space now_;
  space_level level_ = space_level::ample;
};

}  // namespace karst::log
