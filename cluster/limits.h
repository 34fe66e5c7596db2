#pragma once

#include <cstddef>

// The limits of groups, each with its derivation and what happens at it.
namespace karst::cluster::limit {

// Member ids that one group gives out to clients that have not come back with them (KIP-394): ten
// times the largest group that is tested, because all members of a group may start at once. Without
// it a peer that never comes back would fill the memory until its session timeout, 30 minutes. At
// it: GROUP_MAX_SIZE_REACHED.
inline constexpr std::size_t pending_members = 10'000;

}  // namespace karst::cluster::limit
