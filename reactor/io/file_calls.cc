#include "reactor/io/file_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "reactor/base/limits.h"

namespace karst {
namespace {

call_result outcome(std::int64_t result) {
  if (result < 0) return {from_errno(errno), 0};
  return {errc::ok, result};
}

int vectors_now(operation const& op) {
  return static_cast<int>(std::min(op.vector_count, limits::vectors_per_call));
}

call_result call_read(operation& op) {
  std::int64_t done = 0;
  while (op.vector_count != 0) {
    auto bytes = preadv(op.fd, op.vectors, vectors_now(op), static_cast<off_t>(op.offset));
    if (bytes < 0 && errno == EINTR) continue;
    // A direct read behind an end of file that is not aligned.
    if (bytes < 0 && errno == EINVAL && done != 0) break;
    if (bytes < 0) return {from_errno(errno), done};
    if (bytes == 0) break;
    done += bytes;
    op.offset += static_cast<std::uint64_t>(bytes);
    advance_vectors(op, static_cast<std::size_t>(bytes));
  }
  return {errc::ok, done};
}

call_result call_write(operation& op) {
  std::int64_t done = 0;
  while (op.vector_count != 0) {
    auto bytes = pwritev2(op.fd, op.vectors, vectors_now(op), static_cast<off_t>(op.offset),
                          op.durable ? RWF_DSYNC : 0);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return {from_errno(errno), done};
    if (bytes == 0) return {errc::io_error, done};
    done += bytes;
    op.offset += static_cast<std::uint64_t>(bytes);
    advance_vectors(op, static_cast<std::size_t>(bytes));
  }
  return {errc::ok, done};
}

// Where the file system cannot allocate or zero (tmpfs, NFS): writes zeros over what does not hold
// any.
call_result write_zeros(int fd, std::uint64_t from, std::uint64_t to) {
  alignas(block_size) static std::array<std::byte, 64 * KiB> const zeros{};
  while (from < to) {
    auto bytes = pwrite(fd, zeros.data(), std::min<std::uint64_t>(zeros.size(), to - from),
                        static_cast<off_t>(from));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return {from_errno(errno), 0};
    from += static_cast<std::uint64_t>(bytes);
  }
  return {};
}

call_result call_allocate(operation& op) {
  if (fallocate(op.fd, 0, static_cast<off_t>(op.offset), static_cast<off_t>(op.length)) == 0) {
    return {};
  }
  if (errno != EOPNOTSUPP) return {from_errno(errno), 0};
  struct stat status{};
  if (fstat(op.fd, &status) != 0) return {from_errno(errno), 0};
  auto size = static_cast<std::uint64_t>(status.st_size);
  return write_zeros(op.fd, std::max(size, op.offset), op.offset + op.length);
}

call_result call_zero_range(operation& op) {
  auto offset = static_cast<off_t>(op.offset);
  auto length = static_cast<off_t>(op.length);
  if (fallocate(op.fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length) == 0) return {};
  if (errno != EOPNOTSUPP) return {from_errno(errno), 0};
  struct stat status{};
  if (fstat(op.fd, &status) != 0) return {from_errno(errno), 0};
  auto size = static_cast<std::uint64_t>(status.st_size);
  return write_zeros(op.fd, op.offset, std::min(size, op.offset + op.length));
}

call_result call_status(operation& op) {
  struct stat found{};
  if (stat(op.path, &found) != 0) return {from_errno(errno), 0};
  op.status->size = static_cast<std::uint64_t>(found.st_size);
  op.status->allocated_bytes = static_cast<std::uint64_t>(found.st_blocks) * 512;
  op.status->links = found.st_nlink;
  op.status->directory = S_ISDIR(found.st_mode);
  op.status->modified = found.st_mtim.tv_sec * 1000 + found.st_mtim.tv_nsec / 1'000'000;
  return {};
}

call_result call_list_directory(operation& op) {
  auto* directory = opendir(op.path);
  if (directory == nullptr) return {from_errno(errno), 0};
  for (errno = 0; auto* entry = readdir(directory); errno = 0) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") op.names->emplace_back(name);
  }
  auto failed = from_errno(errno);
  closedir(directory);
  std::ranges::sort(*op.names);
  return {failed, 0};
}

errc replace(file_text const& file) {
  constexpr mode_t file_mode = 0644;
  if (!file.was.empty()) (void)::rename(file.was.c_str(), file.path.c_str());
  auto exclusive = file.only_make ? O_EXCL : 0;
  auto fd = ::open(file.path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC | exclusive, file_mode);
  if (fd < 0) return file.only_make && errno == EEXIST ? errc::ok : from_errno(errno);
  auto end = file.at + file.text.size();
  auto failed = errc::ok;
  std::string_view rest = file.text;
  while (failed == errc::ok && !rest.empty()) {
    auto bytes = pwrite(fd, rest.data(), rest.size(), static_cast<off_t>(end - rest.size()));
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) failed = bytes < 0 ? from_errno(errno) : errc::io_error;
    rest.remove_prefix(static_cast<std::size_t>(std::max<std::int64_t>(bytes, 0)));
  }
  // Cut last: file systems that allocate late leave a new file empty or whole then, never zeros.
  struct stat found{};
  auto longer = fstat(fd, &found) == 0 && static_cast<std::uint64_t>(found.st_size) > end;
  if (failed == errc::ok && longer && ftruncate(fd, static_cast<off_t>(end)) != 0) {
    failed = from_errno(errno);
  }
  ::close(fd);
  return failed;
}

call_result call_replace_files(operation& op) {
  call_result first{};
  for (auto const& file : *op.texts) {
    auto failed = replace(file);
    if (first.error == errc::ok) first.error = failed;
  }
  return first;
}

}  // namespace

int kernel_open_flags(std::uint32_t open_flags) {
  int flags = O_CLOEXEC;
  auto writes = (open_flags & open_write) != 0;
  flags |= writes ? ((open_flags & open_read) != 0 ? O_RDWR : O_WRONLY) : O_RDONLY;
  if (open_flags & open_create) flags |= O_CREAT;
  if (open_flags & open_exclusive) flags |= O_EXCL;
  if (open_flags & open_direct) flags |= O_DIRECT;
  if (open_flags & open_directory) flags |= O_DIRECTORY;
  return flags;
}

void advise_kernel(int fd, std::uint32_t open_flags) {
  if (fd >= 0 && (open_flags & open_exact) != 0) {
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
  }
}

void advance_vectors(operation& op, std::size_t bytes) {
  while (op.vector_count != 0 && bytes >= op.vectors->iov_len) {
    bytes -= op.vectors->iov_len;
    ++op.vectors;
    --op.vector_count;
  }
  if (bytes == 0) return;
  KARST_ASSERT(op.vector_count != 0, "{} bytes more than were asked for", bytes);
  op.vectors->iov_base = static_cast<std::byte*>(op.vectors->iov_base) + bytes;
  op.vectors->iov_len -= bytes;
}

std::size_t vector_bytes(operation const& op) {
  std::size_t bytes = 0;
  for (std::uint32_t i = 0; i < op.vector_count; ++i) bytes += op.vectors[i].iov_len;
  return bytes;
}

call_result call_file_operation(operation& op) {
  constexpr mode_t file_mode = 0644;
  constexpr mode_t directory_mode = 0755;
  switch (op.code) {
    case opcode::read:
      return call_read(op);
    case opcode::write:
      return call_write(op);
    case opcode::sync:
      return outcome((op.open_flags & open_directory) ? fsync(op.fd) : fdatasync(op.fd));
    case opcode::allocate:
      return call_allocate(op);
    case opcode::zero_range:
      return call_zero_range(op);
    case opcode::truncate:
      return outcome(ftruncate(op.fd, static_cast<off_t>(op.length)));
    case opcode::open: {
      auto fd = ::open(op.path, kernel_open_flags(op.open_flags), file_mode);
      auto opened = outcome(fd);
      advise_kernel(fd, op.open_flags);
      return opened;
    }
    case opcode::close:
      return outcome(::close(op.fd));
    case opcode::rename:
      return outcome(::rename(op.path, op.path2));
    case opcode::unlink:
      return outcome(::unlink(op.path));
    case opcode::make_directory:
      return outcome(mkdir(op.path, directory_mode));
    case opcode::remove_directory:
      return outcome(rmdir(op.path));
    case opcode::status:
      return call_status(op);
    case opcode::list_directory:
      return call_list_directory(op);
    case opcode::replace_files:
      return call_replace_files(op);
    default:
      break;
  }
  KARST_ASSERT(false, "opcode {} is not of files", static_cast<int>(op.code));
  return {};
}

}  // namespace karst
