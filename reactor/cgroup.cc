#include "reactor/cgroup.h"

#include <cstdio>

namespace karst {

std::vector<std::string> own_cgroups() {
  std::vector<std::string> groups;
  auto* file = std::fopen("/proc/self/cgroup", "re");
  if (file == nullptr) return groups;
  char line[4096];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    std::string text = line;
    // "0::/system.slice/karst.service"
    if (!text.starts_with("0::/")) continue;
    auto group = text.substr(3, text.find('\n') - 3);
    for (; group.size() > 1; group.resize(group.rfind('/'))) {
      groups.push_back("/sys/fs/cgroup" + group);
    }
  }
  std::fclose(file);
  // Inside a container its own group is the root.
  groups.emplace_back("/sys/fs/cgroup");
  return groups;
}

std::optional<std::uint64_t> read_number(std::string const& path) {
  auto* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return std::nullopt;
  unsigned long long number = 0;
  auto const fields = std::fscanf(file, "%llu", &number);
  std::fclose(file);
  if (fields != 1) return std::nullopt;
  return number;
}

}  // namespace karst
