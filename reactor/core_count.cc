#include "reactor/core_count.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "reactor/cgroup.h"

namespace karst {
namespace {

constexpr int no_limit = 1 << 14;

// "200000 100000" is 2 cores; "max 100000" and a missing file are no limit.
int cores_of_quota(std::string const& path) {
  auto* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return no_limit;
  long quota = 0;
  long period = 0;
  auto const fields = std::fscanf(file, "%ld %ld", &quota, &period);
  std::fclose(file);
  if (fields != 2 || quota <= 0 || period <= 0) return no_limit;
  return static_cast<int>((quota + period - 1) / period);
}

}  // namespace

core_id usable_cores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  auto cores = sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
  for (auto const& group : own_cgroups()) {
    cores = std::min(cores, cores_of_quota(group + "/cpu.max"));
  }
  return static_cast<core_id>(std::clamp(cores, 1, 1024));
}

}  // namespace karst
