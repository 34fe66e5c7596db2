#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "log/types.h"
#include "reactor/base/expected.h"
#include "reactor/task.h"

namespace karst::log {

// The exchange of some sealed segments for the one that compaction made of them, so that a power
// cut at any instant leaves the old ones or the new one:
//  1. NAME.log.cleaned and its indexes are written and synced, and so is their directory;
//  2. the file compaction-swap names the new segment and all that it replaces: from its sync on the
//     exchange is decided;
//  3. the replaced files go, the new ones get their names, the directory is synced;
//  4. compaction-swap goes, the directory is synced.
// The last sync matters as much as the others: the file must not come back after a cut, when the
// names in it may stand for other segments. Whoever opens the log finishes what 2 decided, and
// removes what did not come to 2. Kafka knows neither name and ignores or removes them; a clean
// stop leaves none.
struct compaction_swap {
  offset result;                 // base of the new segment: that of the first replaced one
  std::vector<offset> replaced;  // bases, rising

  bool operator==(compaction_swap const&) const = default;
};

inline constexpr std::string_view compaction_swap_file = "compaction-swap";

std::string encode(compaction_swap const& swap);
std::optional<compaction_swap> parse_compaction_swap(std::string_view text);

// Step 2, durable when done. Only a refusal (no_space, too_many_files, no_memory) has surely
// decided nothing; after any other error a restart finds out.
task<expected<>> decide(std::string directory, compaction_swap swap);
// Steps 3 and 4. Any number of times, from any point on.
task<expected<>> finish(std::string directory, compaction_swap swap);

// When a log is opened: finishes what was decided, removes what was not. `names` is what the
// directory holds; changed: list it again. Errors: those of the files; corrupt for a
// compaction-swap that nobody wrote.
task<expected<bool>> recover_compaction_swap(std::string directory,
                                             std::vector<std::string> const& names);

}  // namespace karst::log
