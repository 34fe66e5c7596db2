#include "tools/host_facts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <ranges>

#include <fmt/format.h>

namespace karst::tools {
namespace {

// Connecting a datagram socket sends nothing; it only chooses a route. The address is one of those
// reserved for documentation (RFC 5737).
std::string default_route_address() {
  int probe = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return {};
  sockaddr_in target{};
  target.sin_family = AF_INET;
  target.sin_port = htons(9);
  ::inet_pton(AF_INET, "192.0.2.1", &target.sin_addr);
  sockaddr_in own{};
  socklen_t length = sizeof own;
  char text[INET_ADDRSTRLEN] = "";
  if (::connect(probe, reinterpret_cast<sockaddr*>(&target), sizeof target) == 0 &&
      ::getsockname(probe, reinterpret_cast<sockaddr*>(&own), &length) == 0) {
    ::inet_ntop(AF_INET, &own.sin_addr, text, sizeof text);
  }
  ::close(probe);
  return text;
}

std::string first_interface_address() {
  ifaddrs* interfaces = nullptr;
  if (::getifaddrs(&interfaces) != 0) return {};
  char text[INET_ADDRSTRLEN] = "";
  for (auto* at = interfaces; at != nullptr && text[0] == 0; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET) continue;
    if ((at->ifa_flags & IFF_LOOPBACK) != 0 || (at->ifa_flags & IFF_UP) == 0) continue;
    auto* address = reinterpret_cast<sockaddr_in*>(at->ifa_addr);
    ::inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
  }
  ::freeifaddrs(interfaces);
  return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> environment() {
  std::vector<std::pair<std::string, std::string>> all;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    std::string variable{*at};
    auto equals = variable.find('=');
    if (equals == std::string::npos) continue;
    all.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  std::ranges::sort(all);
  return all;
}

std::string host_address() {
  auto address = default_route_address();
  if (address.empty()) address = first_interface_address();
  return address.empty() ? "127.0.0.1" : address;
}

std::string mount_options(std::string const& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  std::ifstream file{"/proc/self/mountinfo"};
  std::string const text{std::istreambuf_iterator{file}, {}};
  return mount_options(text, ::major(status.st_dev), ::minor(status.st_dev));
}

// ID PARENT MAJOR:MINOR ROOT WHERE OPTIONS [TAG...] - TYPE SOURCE OPTIONS: the mount's own options
// and, behind the dash, those of the file system.
std::string mount_options(std::string_view mountinfo, unsigned major, unsigned minor) {
  auto const device = fmt::format("{}:{}", major, minor);
  for (auto const line : mountinfo | std::views::split('\n')) {
    std::vector<std::string_view> words;
    for (auto const word : line | std::views::split(' ')) words.emplace_back(word);
    auto const dash = std::ranges::find(words, "-");
    if (words.size() < 10 || words[2] != device || words.end() - dash < 4) continue;
    return fmt::format("{},{}", words[5], dash[3]);
  }
  return {};
}

bool has_option(std::string_view options, std::string_view option) {
  return std::ranges::any_of(options | std::views::split(','), [option](auto const each) {
    return std::string_view{each} == option;
  });
}

}  // namespace karst::tools
