// The part of kernel_io that asks about directories: locks, direct I/O, space.
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "reactor/io/kernel_io.h"

namespace karst {
namespace {

// cachestat(2) of Linux 6.5, which older headers do not have: its number on all architectures, what
// it is asked, and what it says, in pages.
constexpr long call_cachestat = 451;
struct cache_range {
  std::uint64_t offset;
  std::uint64_t length;
};
struct cache_facts {
  std::uint64_t cached;
  std::uint64_t dirty;
  std::uint64_t under_writeback;
  std::uint64_t evicted;
  std::uint64_t recently_evicted;
};

struct flock whole_file() {
  struct flock range{};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  return range;
}

std::string process_name(std::int64_t pid) {
  auto* file = std::fopen(fmt::format("/proc/{}/comm", pid).c_str(), "re");
  if (file == nullptr) return "a process";
  char name[64] = {};
  auto const read = std::fgets(name, sizeof name, file) != nullptr;
  std::fclose(file);
  std::string text = read ? name : "a process";
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

// Kafka holds a process lock, whose owner the kernel names; another of us wrote its pid and time
// into the file.
lock_holder find_holder(int fd) {
  auto asked = whole_file();
  if (fcntl(fd, F_OFD_GETLK, &asked) == 0 && asked.l_type != F_UNLCK && asked.l_pid > 0) {
    return {.pid = asked.l_pid,
            .text = fmt::format("{}, pid {}", process_name(asked.l_pid), asked.l_pid)};
  }
  char text[128] = {};
  long long pid = 0;
  char since[32] = {};
  if (pread(fd, text, sizeof text - 1, 0) <= 0 ||
      std::sscanf(text, "pid %lld since %31[^\n]", &pid, since) != 2) {
    return {.text = "a process that did not write its name into .lock"};
  }
  auto const alive = kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH;
  return {.pid = pid,
          .alive = alive,
          .text = fmt::format("{}, pid {}, since {}", alive ? process_name(pid) : "a dead process",
                              pid, since)};
}

void write_own_name(int fd) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm local{};
  localtime_r(&now.tv_sec, &local);
  char since[32] = {};
  std::strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S", &local);
  auto const text = fmt::format("pid {} since {}\n", getpid(), since);
  // Only for messages: a failure is no reason not to hold the lock.
  [[maybe_unused]] auto cut = ftruncate(fd, 0);
  [[maybe_unused]] auto written = pwrite(fd, text.data(), text.size(), 0);
}

std::string file_system_name(std::string const& directory) {
  struct statfs found{};
  if (statfs(directory.c_str(), &found) != 0) return "file system";
  switch (static_cast<unsigned long>(found.f_type)) {
    case TMPFS_MAGIC:
      return "tmpfs";
    case NFS_SUPER_MAGIC:
      return "NFS";
    case OVERLAYFS_SUPER_MAGIC:
      return "overlayfs";
    case FUSE_SUPER_MAGIC:
      return "FUSE file system";
    case BTRFS_SUPER_MAGIC:
      return "btrfs";
    default:
      return fmt::format("file system (type {:#x})", static_cast<unsigned long>(found.f_type));
  }
}

}  // namespace

std::expected<int, lock_holder> kernel_io::lock_file(std::string const& path) {
  auto fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return std::unexpected(lock_holder{.error = from_errno(errno)});
  auto range = whole_file();
  if (fcntl(fd, F_OFD_SETLK, &range) != 0) {
    auto holder = find_holder(fd);
    ::close(fd);
    return std::unexpected(std::move(holder));
  }
  write_own_name(fd);
  return fd;
}

void kernel_io::unlock_file(int fd) { ::close(fd); }

std::string kernel_io::direct_refusal(std::string const& directory) {
  auto const path = fmt::format("{}/.karst-direct-{}", directory, getpid());
  auto fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
  auto failed = fd < 0 ? errno : 0;
  if (fd >= 0) {
    alignas(block_size) static std::array<std::byte, block_size> const block{};
    if (pwrite(fd, block.data(), block.size(), 0) < 0) failed = errno;
    ::close(fd);
  }
  // Some file systems make the file before they refuse the flag.
  ::unlink(path.c_str());
  if (failed == 0) return {};
  return fmt::format("{} refuses direct I/O ({}); for full speed put the data on ext4 or XFS",
                     file_system_name(directory), describe(from_errno(failed)));
}

expected<disk_space> kernel_io::space_of(std::string const& path) {
  struct statvfs found{};
  if (statvfs(path.c_str(), &found) != 0) return fail(from_errno(errno));
  return disk_space{.total_bytes = std::uint64_t{found.f_blocks} * found.f_frsize,
                    .available_bytes = std::uint64_t{found.f_bavail} * found.f_frsize};
}

bool kernel_io::is_resident(int fd, std::uint64_t offset, std::uint64_t length) {
  cache_range const range{.offset = offset, .length = length};
  cache_facts facts{};
  if (syscall(call_cachestat, fd, &range, &facts, 0) != 0) return false;
  auto const page = static_cast<std::uint64_t>(getpagesize());
  return facts.cached >= (align_up(offset + length, page) - align_down(offset, page)) / page;
}

}  // namespace karst
