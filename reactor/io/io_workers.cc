#include "reactor/io/io_workers.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include <fmt/format.h>

namespace karst {

std::uint64_t count_kernel_workers() {
  auto* tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return 0;
  auto const wanted = fmt::format("iou-wrk-{}\n", gettid());
  std::uint64_t workers = 0;
  while (auto* task = readdir(tasks)) {
    auto* name = std::fopen(fmt::format("/proc/self/task/{}/comm", task->d_name).c_str(), "re");
    if (name == nullptr) continue;
    char text[64] = {};
    if (std::fgets(text, sizeof text, name) != nullptr && text == wanted) ++workers;
    std::fclose(name);
  }
  closedir(tasks);
  return workers;
}

}  // namespace karst
