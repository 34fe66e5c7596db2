#include "tools/advertised.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "reactor/base/logging.h"
#include "reactor/socket.h"

namespace karst::tools {
namespace {

constexpr char const* remedy =
    "set advertised.listeners=PLAINTEXT://HOST:PORT to what they can reach";

void warn_of_unresolvable(std::string const& host) {
  if (auto address = resolve_address(host, 0); !address) {
    logging::warn("serve",
                  "clients are told to connect to {}, which this host cannot resolve; {}, or make "
                  "the name known",
                  host, remedy);
  }
}

}  // namespace

bool is_loopback(std::string const& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return host == "localhost" || host == "::1";
}

void warn_of_advertised(cluster::listener_config const& listener) {
  auto const& told = listener.advertised_host;
  if (is_loopback(told)) {
    if (is_loopback(listener.host)) return;
    return logging::warn("serve",
                         "clients on other hosts are told to connect to {}, where each of them "
                         "finds only itself; {}",
                         told, remedy);
  }
  in6_addr numeric{};
  auto is_address = ::inet_pton(AF_INET, told.c_str(), &numeric) == 1 ||
                    ::inet_pton(AF_INET6, told.c_str(), &numeric) == 1;
  // A resolver that does not answer takes many seconds to say so.
  if (!is_address) std::thread{warn_of_unresolvable, told}.detach();
}

std::optional<std::string> dial(std::string const& host, std::uint16_t port,
                                std::chrono::milliseconds patience) {
  auto address = resolve_address(host, port);
  if (!address) return "is a name that this host cannot resolve";
  auto length = address->ss_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  int probe = ::socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (probe < 0) return std::nullopt;
  int outcome = 0;
  if (::connect(probe, reinterpret_cast<sockaddr*>(&*address), static_cast<socklen_t>(length)) !=
      0) {
    outcome = errno;
    pollfd waiting{.fd = probe, .events = POLLOUT, .revents = 0};
    if (outcome == EINPROGRESS) {
      auto ready = ::poll(&waiting, 1, static_cast<int>(patience.count()));
      socklen_t size = sizeof outcome;
      if (ready <= 0) {
        outcome = ETIMEDOUT;
      } else if (::getsockopt(probe, SOL_SOCKET, SO_ERROR, &outcome, &size) != 0) {
        outcome = errno;
      }
    }
  }
  ::close(probe);
  if (outcome == 0) return std::nullopt;
  return fmt::format("cannot be reached from here ({})", std::strerror(outcome));
}

}  // namespace karst::tools
