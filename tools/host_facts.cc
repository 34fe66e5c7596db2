#include "tools/host_facts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

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

}  // namespace karst::tools
