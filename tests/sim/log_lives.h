#pragma once

#include <cstdint>
#include <string>

namespace karst::sim {

// A random trace: one directory through some lives of the process, each ended by a power cut after
// a random operation (of the start, of work, or of the stop), by a kill, or cleanly, with another
// number of cores, journals and memory each time. After each start everything is compared with what
// was promised, and now and then the recovery is run twice, once cut short (I-11). All drawn from
// the seed. The first complaint, empty for none.
std::string run_lives(std::uint64_t seed);

}  // namespace karst::sim
