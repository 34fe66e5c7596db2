#include "cluster/listener_config.h"

#include <charconv>

#include "reactor/socket.h"

namespace karst::cluster {
namespace {

bool is_wildcard(std::string const& host) {
  return host.empty() || host == "*" || is_any_address(host);
}

std::string upper_case(std::string_view text) {
  std::string upper{text};
  for (auto& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return upper;
}

// The protocol of a listener name; empty when the map does not have it.
std::string protocol_of(broker_config const& config, std::string_view name) {
  for (auto const& entry : config.list("listener.security.protocol.map")) {
    auto colon = entry.find(':');
    if (colon != std::string::npos && upper_case(entry.substr(0, colon)) == name) {
      return upper_case(entry.substr(colon + 1));
    }
  }
  return {};
}

// The endpoints of a key, without those of KRaft's controllers.
expected<std::vector<endpoint>, error> endpoints_of(broker_config const& config,
                                                    std::string_view key) {
  std::vector<std::string> controllers;
  for (auto const& name : config.list("controller.listener.names")) {
    controllers.push_back(upper_case(name));
  }
  std::vector<endpoint> found;
  for (auto const& text : config.list(key)) {
    auto parsed = parse_endpoint(text, key);
    if (!parsed) return unexpected<error>(parsed.error());
    if (std::ranges::find(controllers, parsed->name) != controllers.end()) continue;
    found.push_back(std::move(*parsed));
  }
  return found;
}

expected<void, error> check_protocol(broker_config const& config, endpoint const& listener) {
  auto protocol = protocol_of(config, listener.name);
  if (protocol.empty()) {
    return fail(
        errc::invalid,
        fmt::format("add {}:PLAINTEXT to it, or call the listener PLAINTEXT", listener.name),
        "listener {} has no protocol in listener.security.protocol.map", listener.name);
  }
  if (protocol != "PLAINTEXT") {
    return fail(errc::unsupported, "use a PLAINTEXT listener, and let only trusted hosts reach it",
                "listener {} cannot be served: Karst has no {} yet", listener.name, protocol);
  }
  return {};
}

}  // namespace

expected<endpoint, error> parse_endpoint(std::string_view text, std::string_view key) {
  auto refuse = [&]() -> unexpected<error> {
    return fail(errc::invalid, "write NAME://HOST:PORT, like PLAINTEXT://127.0.0.1:9092",
                "{}: '{}' is not a listener", key, text);
  };
  auto separator = text.find("://");
  auto colon = text.rfind(':');
  if (separator == std::string_view::npos || separator == 0 || colon <= separator) return refuse();
  auto host = text.substr(separator + 3, colon - separator - 3);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.contains(':')) {
    return refuse();
  }
  auto digits = text.substr(colon + 1);
  endpoint parsed{.name = upper_case(text.substr(0, separator)), .host = std::string{host}};
  auto number = std::from_chars(digits.data(), digits.data() + digits.size(), parsed.port);
  if (number.ec != std::errc{} || number.ptr != digits.data() + digits.size()) return refuse();
  return parsed;
}

expected<listener_config, error> make_listener_config(broker_config const& config,
                                                      std::string const& host_address) {
  auto listeners = endpoints_of(config, "listeners");
  if (!listeners) return unexpected<error>(listeners.error());
  if (listeners->empty()) {
    return fail(errc::invalid, "set listeners=PLAINTEXT://127.0.0.1:9092",
                "listeners names no listener of a broker");
  }
  for (auto const& listener : *listeners) {
    if (auto checked = check_protocol(config, listener); !checked) {
      return unexpected<error>(checked.error());
    }
  }
  if (listeners->size() > 1) {
    return fail(errc::unsupported, "keep the one that clients use",
                "listeners names {} listeners: Karst serves one for now", listeners->size());
  }
  auto const& listener = listeners->front();
  listener_config made{listener.name, listener.host, listener.port, listener.host, 0};
  auto advertised = endpoints_of(config, "advertised.listeners");
  if (!advertised) return unexpected<error>(advertised.error());
  if (!advertised->empty()) {
    auto told = std::ranges::find(*advertised, listener.name, &endpoint::name);
    if (told == advertised->end()) {
      return fail(errc::invalid, "give them the same name",
                  "advertised.listeners does not have the listener {}", listener.name);
    }
    if (!told->host.empty() && is_wildcard(told->host)) {
      return fail(errc::invalid, "advertise an address or name that clients can reach",
                  "advertised.listeners cannot tell clients {}: it is every address and none",
                  told->host);
    }
    made.advertised_host = told->host;
    made.advertised_port = told->port;
  }
  if (is_wildcard(made.advertised_host)) made.advertised_host = host_address;
  if (made.advertised_host.empty()) {
    return fail(errc::invalid,
                "set advertised.listeners=PLAINTEXT://HOST:PORT to what clients can reach",
                "the listener is on every address, and no address of this host was found to tell "
                "clients");
  }
  return made;
}

}  // namespace karst::cluster
