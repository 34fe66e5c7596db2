#pragma once

#include <cstddef>
#include <cstdint>

#include "reactor/base/units.h"

namespace karst::limits {

// The limits of the reactor. Each says where its value comes from and what happens when it is
// reached.

// Receive pool of one core: 256 x 16 KiB covers 4 MiB in flight, which is 1 GB/s handled within 4
// ms of its arrival. Mapped lazily: an idle core touches none of it. At the limit receives wait for
// buffers to come home; below a quarter, bytes that a connection keeps are copied out of the pool.
inline constexpr std::size_t receive_buffer_bytes = 16 * KiB;
inline constexpr std::uint32_t receive_buffers = 256;  // a power of two: the kernel's rule
inline constexpr std::uint32_t receive_buffers_low = receive_buffers / 4;

// Bytes that one socket takes from the kernel before its owner has asked for them: beyond it the
// multishot receive is stopped and TCP's window holds the peer back. Four times as many while the
// pool has enough: to stop and to begin anew costs two operations and a turn.
inline constexpr std::size_t received_ahead_bytes = 4 * receive_buffer_bytes;
inline constexpr std::size_t received_ahead_most = 16 * receive_buffer_bytes;

// Connections accepted before anybody asked for them; beyond it they wait in the kernel's backlog.
inline constexpr std::size_t accepted_ahead = 64;

// Memory of one core for what is on its way between files, sockets and frames, when nothing else is
// configured. Mapped when used. At the limit takers wait for blocks to come back.
inline constexpr std::size_t core_memory_bytes = 128 * MiB;

// Submission queue entries of one ring: what one turn hands over; the rest goes in a second entry
// to the kernel. Eight times as many completions, because one multishot operation completes many
// times.
inline constexpr std::uint32_t submission_entries = 1024;
inline constexpr std::uint32_t completion_entries = 8 * submission_entries;

// Completions collected in one turn, so that ready tasks are never starved; the rest comes next
// turn.
inline constexpr std::uint32_t completions_per_turn = 1024;

// Worker threads that the kernel may start for one ring: for files (opening, fsync, allocation:
// each blocks for tens of microseconds, or as long as the device takes: a clean stop cuts and syncs
// thousands of files), and for everything else. Further operations queue in the kernel.
inline constexpr std::uint32_t kernel_file_workers = 16;
inline constexpr std::uint32_t kernel_other_workers = 2;

// Threads of one core for blocking file calls when there is no io_uring. More operations queue.
inline constexpr std::uint32_t file_threads = 4;

// Vectors in one system call: the kernel's own limit (UIO_MAXIOV). Longer operations take several.
inline constexpr std::uint32_t vectors_per_call = 1024;

}  // namespace karst::limits
