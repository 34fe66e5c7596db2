#pragma once

#include <cstdint>
#include <string_view>

namespace karst {

// What the kernel (or the simulated one) answers, and what the reactor adds. errno becomes one of
// these inside the io and travels no further. Values are stable within a process only; never
// written to disk or wire.
enum class errc : std::uint8_t {
  ok,
  cancelled,            // the operation was cancelled, or its owner is stopping
  timed_out,            // a deadline passed
  closed,               // the peer closed, or the object was closed here
  would_block,          // used inside io implementations only
  not_found,            // ENOENT
  exists,               // EEXIST
  permission,           // EACCES, EPERM, EROFS
  no_space,             // ENOSPC, EDQUOT
  too_many_files,       // EMFILE, ENFILE
  no_memory,            // ENOMEM, ENOBUFS, or a budget is exhausted
  address_in_use,       // EADDRINUSE
  address_unavailable,  // EADDRNOTAVAIL
  refused,              // ECONNREFUSED
  reset,                // ECONNRESET, EPIPE, ENOTCONN
  unreachable,          // ENETUNREACH, EHOSTUNREACH
  invalid,              // EINVAL: for O_DIRECT, a file system or alignment that does not take it
  unsupported,          // EOPNOTSUPP, ENOSYS
  not_a_directory,      // ENOTDIR
  is_a_directory,       // EISDIR
  not_empty,            // ENOTEMPTY
  busy,                 // EBUSY, EAGAIN on a lock
  io_error,             // EIO and everything unknown: final for the file it came from
  corrupt,              // bytes that do not parse or do not match their checksum
  end_of_file,          // fewer bytes than asked for, and no more will come
};

// Text for messages: "no space left on the device".
std::string_view describe(errc code);

// errno to errc; 0 is ok. Only reactor/io and reactor/file_facts call it.
errc from_errno(int error_number);

}  // namespace karst
