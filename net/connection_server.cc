#include "net/connection_server.h"

#include "reactor/base/logging.h"
#include "reactor/submit_to.h"

namespace karst::net {
namespace {

// Connections that wait to be accepted; the kernel cuts it to net.core.somaxconn.
constexpr int backlog = 1024;
// After too many open files: until some have been closed.
constexpr duration accept_pause = 100ms;

std::string host_of(sockaddr_storage const& peer) {
  auto text = format_address(peer);
  return text.substr(0, text.rfind(':'));
}

}  // namespace

// --- core_connections

task<std::optional<connection_handoff>> core_connections::serve(connection_handoff arrived) {
  connection served{network_, std::move(arrived)};
  connections_.push_back(served);
  ++open_;
  if (stopping_) served.stop();
  auto left = co_await served.run();
  served.unlink();
  --open_;
  ended_.wake_all();
  co_return left;
}

task<> core_connections::stop() {
  stopping_ = true;
  connections_.for_each([](connection& each) { each.stop(); });
  auto patience = core::current().now() + network_.limits.stop_patience;
  while (open_ != 0 && core::current().now() < patience) (void)co_await ended_.wait(patience);
  connections_.for_each([](connection& each) { each.cut(); });
  while (open_ != 0) (void)co_await ended_.wait();
}

// --- connection_server

connection_server::connection_server(std::unique_ptr<listener> listener, limits const& limits)
    : listener_(std::move(listener)), limits_(limits) {}

connection_server::~connection_server() = default;

task<expected<std::unique_ptr<connection_server>, error>> connection_server::open(
    sockaddr_storage address, limits limits, std::function<handler&()> handler_of_this_core) {
  auto listening = listener::open(address, backlog);
  if (!listening) co_return unexpected<error>(listening.error());
  std::unique_ptr<connection_server> server{new connection_server{std::move(*listening), limits}};
  auto const count = core::current().count();
  server->connections_.resize(count);
  for (core_id id = 0; id < count; ++id) {
    server->cores_.push_back(co_await submit_to(id, [&handler_of_this_core, &limits] {
      return std::make_unique<core_connections>(handler_of_this_core(), limits);
    }));
  }
  co_return server;
}

void connection_server::start() {
  started_ = true;
  tasks_.spawn(accept_connections());
}

task<> connection_server::accept_connections() {
  while (true) {
    auto fd = co_await listener_->accept();
    if (fd) {
      place(*fd);
      continue;
    }
    if (fd.error() == errc::closed) co_return;
    static logging::rate_limit limit;
    std::uint64_t left_out = 0;
    if (limit.pass(left_out)) {
      logging::warn(
          "net",
          "cannot accept connections on port {}: {}; raise LimitNOFILE, or lower max.connections",
          port(), describe(fd.error()));
    }
    (void)co_await sleep_until{core::current().now() + accept_pause};
  }
}

core_id connection_server::least_loaded() {
  auto best = next_core_;
  for (core_id i = 1; i < connections_.size(); ++i) {
    auto candidate = static_cast<core_id>((next_core_ + i) % connections_.size());
    if (connections_[candidate] < connections_[best]) best = candidate;
  }
  next_core_ = static_cast<core_id>((best + 1) % connections_.size());
  return best;
}

void connection_server::place(int fd) {
  auto peer = core::current().io().peer_address(fd);
  auto address = peer ? host_of(*peer) : std::string{};
  auto here = by_address_.find(address);
  auto from_address = here == by_address_.end() ? 0 : here->second;
  auto per_address = from_address >= limits_.connections_per_address;
  if (per_address || open_ >= limits_.connections) {
    ++refused_;
    static logging::rate_limit limit;
    std::uint64_t left_out = 0;
    if (limit.pass(left_out)) {
      logging::warn(
          "net",
          "refused a connection from {}: {} are open, the limit is {}={} ({} such lines left out)",
          address, per_address ? from_address : open_,
          per_address ? "max.connections.per.ip" : "max.connections",
          per_address ? limits_.connections_per_address : limits_.connections, left_out);
    }
    tasks_.spawn(refuse(fd));
    return;
  }
  auto target = least_loaded();
  ++open_;
  ++connections_[target];
  ++by_address_[address];
  connection_handoff accepted{.descriptor = fd, .id = next_id_++};
  tasks_.spawn(serve_on(target, std::move(accepted), std::move(address)));
}

bool connection_server::takes_more(core_id target) const {
  auto const share = static_cast<double>(open_) / static_cast<double>(connections_.size());
  return static_cast<double>(connections_[target]) < limit::connections_share_most * share;
}

task<> connection_server::serve_on(core_id target, connection_handoff accepted,
                                   std::string address) {
  std::optional<connection_handoff> next{std::move(accepted)};
  while (true) {
    auto* there = cores_[target].get();
    next = co_await submit_to(target, [there, &next] { return there->serve(std::move(*next)); });
    if (!next) break;
    // Refused, it goes on where it was.
    if (!takes_more(next->wanted)) continue;
    --connections_[target];
    target = next->wanted;
    ++connections_[target];
  }
  --open_;
  --connections_[target];
  auto counted = by_address_.find(address);
  if (counted->second == 1) {
    by_address_.erase(counted);
  } else {
    --counted.value();
  }
}

task<> connection_server::refuse(int fd) {
  karst::socket refused{fd};
  refused.shutdown();
  co_await refused.close();
}

task<> connection_server::stop() {
  if (std::exchange(stopped_, true)) co_return;
  if (started_) {
    listener_->stop();
    for (core_id id = 0; id < cores_.size(); ++id) {
      auto* there = cores_[id].get();
      tasks_.spawn(submit_to(id, [there] { return there->stop(); }));
    }
    co_await tasks_.join();
  }
  co_await listener_->close();
  for (core_id id = 0; id < cores_.size(); ++id) {
    auto* owned = &cores_[id];
    co_await submit_to(id, [owned] { owned->reset(); });
  }
}

task<network_counters> connection_server::counters() {
  network_counters sum;
  for (core_id id = 0; id < cores_.size(); ++id) {
    auto const* there = cores_[id].get();
    auto one = co_await submit_to(id, [there] { return there->counters(); });
    sum.add(one);
  }
  co_return sum;
}

}  // namespace karst::net
