#include <arpa/inet.h>
#include <netdb.h>

#include <cstring>

#include "reactor/socket.h"

namespace karst {

std::string format_address(sockaddr_storage const& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.ss_family == AF_INET6) {
    auto const& v6 = reinterpret_cast<sockaddr_in6 const&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return fmt::format("[{}]:{}", text, ntohs(v6.sin6_port));
  }
  auto const& v4 = reinterpret_cast<sockaddr_in const&>(address);
  inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  return fmt::format("{}:{}", text, ntohs(v4.sin_port));
}

expected<sockaddr_storage, error> resolve_address(std::string const& host, std::uint16_t port) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  auto failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (failed != 0) {
    return fail(errc::not_found, "check the name, or use a numeric address",
                "cannot resolve {}: {}", host, gai_strerror(failed));
  }
  // Of several addresses the first IPv4 one: "localhost" is often listed as ::1 first, where nobody
  // listens.
  auto* chosen = found;
  for (auto* each = found; each != nullptr; each = each->ai_next) {
    if (each->ai_family == AF_INET) {
      chosen = each;
      break;
    }
  }
  sockaddr_storage address{};
  std::memcpy(&address, chosen->ai_addr, chosen->ai_addrlen);
  freeaddrinfo(found);
  return address;
}

bool is_any_address(std::string const& host) {
  addrinfo numeric{};
  numeric.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &numeric, &found) != 0) return false;
  auto any = false;
  if (found->ai_family == AF_INET6) {
    auto const& v6 = reinterpret_cast<sockaddr_in6 const*>(found->ai_addr)->sin6_addr;
    // An IPv4 address within an IPv6 one ends with it.
    any = IN6_IS_ADDR_UNSPECIFIED(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr32[3] == 0);
  } else if (found->ai_family == AF_INET) {
    any = reinterpret_cast<sockaddr_in const*>(found->ai_addr)->sin_addr.s_addr == INADDR_ANY;
  }
  freeaddrinfo(found);
  return any;
}

}  // namespace karst
