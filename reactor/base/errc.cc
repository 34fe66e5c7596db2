#include "reactor/base/errc.h"

#include <cerrno>

namespace karst {

std::string_view describe(errc code) {
  switch (code) {
    case errc::ok:
      return "no error";
    case errc::cancelled:
      return "cancelled";
    case errc::timed_out:
      return "timed out";
    case errc::closed:
      return "closed";
    case errc::would_block:
      return "would block";
    case errc::not_found:
      return "no such file or directory";
    case errc::exists:
      return "exists already";
    case errc::permission:
      return "permission denied";
    case errc::no_space:
      return "no space left on the device";
    case errc::too_many_files:
      return "too many open files";
    case errc::no_memory:
      return "out of memory";
    case errc::address_in_use:
      return "address in use";
    case errc::address_unavailable:
      return "no such address on this host";
    case errc::refused:
      return "connection refused";
    case errc::reset:
      return "connection reset by the peer";
    case errc::unreachable:
      return "network or host unreachable";
    case errc::invalid:
      return "invalid argument";
    case errc::unsupported:
      return "not supported";
    case errc::not_a_directory:
      return "not a directory";
    case errc::is_a_directory:
      return "is a directory";
    case errc::not_empty:
      return "directory not empty";
    case errc::busy:
      return "busy";
    case errc::io_error:
      return "input/output error";
    case errc::corrupt:
      return "corrupt data";
    case errc::end_of_file:
      return "unexpected end of file";
  }
  return "unknown error";
}

errc from_errno(int error_number) {
  switch (error_number) {
    case 0:
      return errc::ok;
    case ECANCELED:
      return errc::cancelled;
    case ETIME:
    case ETIMEDOUT:
      return errc::timed_out;
    case EBADF:
      return errc::closed;
    case EAGAIN:
      return errc::would_block;
    case ENOENT:
      return errc::not_found;
    case EEXIST:
      return errc::exists;
    case EACCES:
    case EPERM:
    case EROFS:
      return errc::permission;
    case ENOSPC:
    case EDQUOT:
      return errc::no_space;
    case EMFILE:
    case ENFILE:
      return errc::too_many_files;
    case ENOMEM:
    case ENOBUFS:
      return errc::no_memory;
    case EADDRINUSE:
      return errc::address_in_use;
    case EADDRNOTAVAIL:
      return errc::address_unavailable;
    case ECONNREFUSED:
      return errc::refused;
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case EPIPE:
      return errc::reset;
    case ENETUNREACH:
    case EHOSTUNREACH:
      return errc::unreachable;
    case EINVAL:
      return errc::invalid;
    case EOPNOTSUPP:
    case ENOSYS:
      return errc::unsupported;
    case ENOTDIR:
      return errc::not_a_directory;
    case EISDIR:
      return errc::is_a_directory;
    case ENOTEMPTY:
      return errc::not_empty;
    case EBUSY:
      return errc::busy;
    default:
      return errc::io_error;
  }
}

}  // namespace karst
