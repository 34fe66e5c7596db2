#include "bench/process_cpu.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <sstream>
#include <string>

namespace karst::bench {

std::optional<double> cpu_seconds_of(int pid) {
  auto path = fmt::format("/proc/{}/stat", pid);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "r"), std::fclose};
  if (!file) return std::nullopt;
  std::string text(1024, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  // The name, in parentheses, may itself hold spaces and parentheses (proc(5)).
  auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields{text.substr(name_end + 1)};
  std::string skipped;
  for (auto number = 3; number < 14; ++number) fields >> skipped;
  double user = 0;
  double system = 0;
  if (!(fields >> user >> system)) return std::nullopt;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double machine_cpu_seconds() {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen("/proc/stat", "r"), std::fclose};
  double user = 0;
  double nice = 0;
  double system = 0;
  if (!file || std::fscanf(file.get(), "cpu %lf %lf %lf", &user, &nice, &system) != 3) return 0;
  return (user + nice + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

int machine_cores() { return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)); }

double own_cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  auto seconds = [](timeval const& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace karst::bench
