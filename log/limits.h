#pragma once

#include <cstddef>
#include <cstdint>

#include "reactor/base/units.h"

// The log's own limits, each with its derivation and what happens at it.
namespace karst::limit {

// Leader epochs kept per log. Epochs without records are not kept, so this is elections that were
// followed by a write within the retention time; 12 bytes each, hence 12 KiB of a state entry. At
// it: the oldest is forgotten.
inline constexpr std::size_t epochs_per_log = 1024;

// Idempotent producers remembered per log: each takes up to 151 bytes of the log's state entry,
// which must fit in one 512 KiB journal group beside the remainder and the epochs. At it: the
// producer that was silent longest is forgotten, as if it had expired.
inline constexpr std::size_t producers_per_log = 2048;

}  // namespace karst::limit
