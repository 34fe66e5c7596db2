#include "reactor/file_facts.h"

#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "reactor/cgroup.h"
#include "reactor/core.h"

namespace karst {
namespace {

constexpr duration dying_holder_patience = 2s;
constexpr duration between_attempts = 20ms;

}  // namespace

task<expected<directory_lock, error>> directory_lock::take(std::string directory) {
  auto const path = directory + "/.lock";
  auto const give_up = core::current().clock().now() + dying_holder_patience;
  while (true) {
    auto locked = core::current().io().lock_file(path);
    if (locked) co_return directory_lock{*locked};
    auto const& holder = locked.error();
    if (holder.error != errc::busy) {
      co_return fail(holder.error, "check that this user may write there", "cannot open {}: {}",
                     path, describe(holder.error));
    }
    if (holder.alive || core::current().clock().now() >= give_up) {
      co_return fail(errc::busy, "stop it, or give this node another log.dirs",
                     "cannot lock {}: held by {}", directory, holder.text);
    }
    (void)co_await sleep_until(core::current().now() + between_attempts);
  }
}

void directory_lock::release() {
  if (std::exchange(held_, false)) core::current().io().unlock_file(fd_);
}

std::string direct_io_refusal(std::string const& directory) {
  return core::current().io().direct_refusal(directory);
}

expected<disk_space> free_space(std::string const& path) {
  return core::current().io().space_of(path);
}

std::string absolute_path(std::string const& path) {
  std::error_code failure;
  auto found = std::filesystem::absolute(path, failure).lexically_normal().string();
  return failure ? path : found;
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  auto const before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

std::uint64_t resident_memory() {
  auto* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long long size = 0;
  unsigned long long resident = 0;
  auto const fields = std::fscanf(file, "%llu %llu", &size, &resident);
  std::fclose(file);
  return fields == 2 ? resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

std::uint64_t usable_memory() {
  struct sysinfo host{};
  sysinfo(&host);
  auto usable = std::uint64_t{host.totalram} * host.mem_unit;
  for (auto const& group : own_cgroups()) {
    if (auto most = read_number(group + "/memory.max")) usable = std::min(usable, *most);
  }
  return usable;
}

}  // namespace karst
