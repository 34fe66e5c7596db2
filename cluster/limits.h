#pragma once

#include <cstddef>

// The limits of groups, each with its derivation and what happens at it.
namespace karst::cluster::limit {

// Member ids that one group gives out to clients that have not come back with them (KIP-394): ten
// times the largest group that is tested, because all members of a group may start at once. Without
// it a peer that never comes back would fill the memory until its session timeout, 30 minutes. At
// it: GROUP_MAX_SIZE_REACHED.
inline constexpr std::size_t pending_members = 10'000;

// What one member may bring in a JoinGroup, all its protocols together: a group whose record would
// be larger than max.message.bytes of __consumer_offsets (1 MiB unless changed) cannot be stored
// anyhow. At it: INVALID_REQUEST.
inline constexpr std::size_t member_metadata_bytes = 1024 * 1024;

// What is counted for a group, a member, a member id that was given out and a committed offset,
// besides the texts in them: nodes of maps and fixed fields, as measured with 64-bit pointers.
inline constexpr std::size_t group_bytes = 1'200;
inline constexpr std::size_t member_bytes = 600;
inline constexpr std::size_t pending_member_bytes = 160;
inline constexpr std::size_t offset_bytes = 180;

}  // namespace karst::cluster::limit
