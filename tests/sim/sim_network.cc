#include "tests/sim/sim_network.h"

#include <algorithm>
#include <cstring>

#include "reactor/base/assert.h"
#include "reactor/base/endian.h"
#include "tests/sim/sim_io.h"

namespace karst::sim {
namespace {

constexpr std::uint64_t piece_max = 8 * KiB;
constexpr std::uint16_t first_free_port = 40'000;

std::uint16_t port_of(sockaddr_storage const& address) {
  auto const* fields = reinterpret_cast<std::byte const*>(&address);
  return load_be<std::uint16_t>(fields + offsetof(sockaddr_in, sin_port));
}

sockaddr_storage loopback(std::uint16_t port) {
  sockaddr_storage address{};
  auto& fields = reinterpret_cast<sockaddr_in&>(address);
  fields.sin_family = AF_INET;
  store_be<std::uint16_t>(&fields.sin_port, port);
  store_be<std::uint32_t>(&fields.sin_addr, INADDR_LOOPBACK);
  return address;
}

void answer(waiting_operation const& one, io_result result) {
  one.owner->finish(*one.op, std::move(result));
}

void answer_all(std::deque<waiting_operation>& waiting, io_result const& result) {
  for (auto const& one : std::exchange(waiting, {}))
    answer(one, {.error = result.error, .value = result.value});
}

void send_more(world& host, std::shared_ptr<pipe> const& to);
void receive_more(world& host, std::shared_ptr<pipe> const& from);

// Hands what has arrived to the first receiver; true when that may go on.
bool deliver(world& host, std::shared_ptr<pipe> const& source) {
  auto& from = *source;
  auto& first = from.receivers.front();
  auto const& op = *first.op;
  auto take = [&](std::byte* to, std::size_t bytes) {
    std::copy_n(from.arrived.begin(), bytes, to);
    from.arrived.erase(from.arrived.begin(),
                       from.arrived.begin() + static_cast<std::ptrdiff_t>(bytes));
    from.held -= bytes;
    host.trace(to, bytes);
  };
  if (op.code == opcode::receive) {
    if (from.arrived.empty()) {
      if (!from.ended) return false;
      answer(first, {});
    } else {
      auto memory = first.owner->take_receive_buffer();
      if (memory.empty()) {
        first.owner->when_memory_returns([&host, source] { receive_more(host, source); });
        return false;
      }
      memory.trim_to(std::min(memory.size(), from.arrived.size()));
      take(memory.data(), memory.size());
      auto bytes = static_cast<std::int64_t>(memory.size());
      answer(first, {.more = op.multishot, .value = bytes, .received = std::move(memory)});
      if (op.multishot) return true;
    }
    from.receivers.pop_front();
    return true;
  }
  std::size_t start = 0;
  for (auto const& vector : std::span{op.vectors, op.vector_count}) {
    while (first.done < start + vector.iov_len && !from.arrived.empty()) {
      auto at = first.done - start;
      auto bytes = std::min(vector.iov_len - at, from.arrived.size());
      take(static_cast<std::byte*>(vector.iov_base) + at, bytes);
      first.done += bytes;
    }
    start += vector.iov_len;
  }
  if (first.done < start && !from.ended) return false;
  answer(first, {.value = static_cast<std::int64_t>(first.done)});
  from.receivers.pop_front();
  return true;
}

void receive_more(world& host, std::shared_ptr<pipe> const& from) {
  while (!from->receivers.empty() && deliver(host, from)) {
  }
  send_more(host, from);
}

// Bytes and the end of the stream travel alike: later than what left before.
void travel(world& host, std::shared_ptr<pipe> const& on, std::vector<std::byte> bytes, bool last) {
  auto delay = duration{static_cast<std::int64_t>(host.random().between(1'000, 100'000))};
  on->last_arrival = std::max(on->last_arrival + duration{1}, host.now() + delay);
  host.at(on->last_arrival, [&host, on, bytes = std::move(bytes), last] {
    on->arrived.insert(on->arrived.end(), bytes.begin(), bytes.end());
    on->ended |= last;
    receive_more(host, on);
  });
}

void send_more(world& host, std::shared_ptr<pipe> const& to) {
  while (!to->senders.empty()) {
    auto& first = to->senders.front();
    auto rest = first.bytes.size() - first.done;
    if (rest == 0) {
      if (hash_vectors(*first.op) != first.hash)
        host.report_violation("I-15: memory under a send was changed");
      answer(first, {.value = static_cast<std::int64_t>(first.done)});
      to->senders.pop_front();
      continue;
    }
    auto room =
        host.options().socket_buffer_bytes - std::min(host.options().socket_buffer_bytes, to->held);
    if (room == 0) return;
    auto piece =
        std::min({rest, room, static_cast<std::size_t>(host.random().between(1, piece_max))});
    auto from = first.bytes.begin() + static_cast<std::ptrdiff_t>(first.done);
    to->held += piece;
    first.done += piece;
    travel(host, to, {from, from + static_cast<std::ptrdiff_t>(piece)}, false);
  }
}

void accept_more(world& host, listening_socket& at) {
  while (!at.acceptors.empty() && !at.arrived.empty()) {
    auto const one = at.acceptors.front();
    auto fd = host.add_descriptor(at.arrived.front());
    if (!fd) {
      at.acceptors.pop_front();
      answer(one, {.error = fd.error()});
      continue;
    }
    at.arrived.pop_front();
    answer(one, {.more = one.op->multishot, .value = *fd});
    if (!one.op->multishot) at.acceptors.pop_front();
  }
}

void end_sending(world& host, std::shared_ptr<pipe> const& out) {
  if (!out || out->ending) return;
  out->ending = true;
  answer_all(out->senders, {.error = errc::reset});
  travel(host, out, {}, true);
}

void end_receiving(std::shared_ptr<pipe> const& in) {
  if (!in) return;
  in->ended = true;
  in->broken = true;
  in->arrived.clear();
  answer_all(in->receivers, {});
  answer_all(in->senders, {.error = errc::reset});
}

errc connect_now(world& host, description& from, std::uint16_t port) {
  auto found = host.ports().find(port);
  if (found == host.ports().end()) return errc::refused;
  auto& at = *found->second;
  if (at.arrived.size() >= at.backlog) return errc::refused;
  auto there = std::make_shared<description>();
  there->connected = std::make_shared<stream>();
  from.connected->in = there->connected->out = std::make_shared<pipe>();
  from.connected->out = there->connected->in = std::make_shared<pipe>();
  from.connected->peer = loopback(port);
  auto const free_port = static_cast<std::uint16_t>(host.random().between(50'000, 60'000));
  there->connected->peer = loopback(free_port);
  at.arrived.push_back(std::move(there));
  accept_more(host, at);
  return errc::ok;
}

void start_transfer(simulated_io& owner, operation& op, description& socket) {
  auto& host = owner.host();
  auto const sends = op.code == opcode::send;
  auto pipe = sends ? socket.connected->out : socket.connected->in;
  if (!pipe || (sends && (pipe->ending || pipe->broken))) {
    return host.after_latency([&owner, &op] { owner.finish(op, {.error = errc::reset}); });
  }
  waiting_operation one{.owner = &owner, .op = &op};
  if (sends) {
    one.bytes = gather(op);
    one.hash = hash_vectors(op);
    pipe->senders.push_back(std::move(one));
    host.at(host.now(), [&host, pipe] { send_more(host, pipe); });
  } else {
    pipe->receivers.push_back(std::move(one));
    host.at(host.now(), [&host, pipe] { receive_more(host, pipe); });
  }
}

}  // namespace

void start_socket_operation(simulated_io& owner, operation& op) {
  auto& host = owner.host();
  auto target = host.descriptor(op.fd);
  auto refuse = [&](errc error) {
    host.after_latency([&owner, &op, error] { owner.finish(op, {.error = error}); });
  };
  if (!target) return refuse(errc::invalid);
  if (op.code == opcode::accept) {
    if (!target->listening || target->listening->shut) return refuse(errc::invalid);
    target->listening->acceptors.push_back({.owner = &owner, .op = &op});
    host.at(host.now(), [&host, at = target->listening] { accept_more(host, *at); });
  } else if (!target->connected) {
    refuse(errc::invalid);
  } else if (op.code == opcode::connect) {
    auto port = port_of(*op.address);
    host.after_latency([&owner, &op, target, port] {
      owner.finish(op, {.error = connect_now(owner.host(), *target, port)});
    });
  } else {
    start_transfer(owner, op, *target);
  }
}

void cancel_socket_operation(simulated_io& owner, operation& op) {
  auto target = owner.host().descriptor(op.fd);
  if (!target) return;
  auto remove = [&op](std::deque<waiting_operation>& from) {
    auto found = std::ranges::find(from, &op, &waiting_operation::op);
    if (found == from.end()) return;
    auto one = std::move(*found);
    from.erase(found);
    // What a send or receive_exactly has moved is not hidden by the cancellation.
    auto error = one.done == 0 ? errc::cancelled : errc::ok;
    answer(one, {.error = error, .value = static_cast<std::int64_t>(one.done)});
  };
  if (target->listening) remove(target->listening->acceptors);
  if (target->connected && target->connected->in) {
    remove(target->connected->in->receivers);
    remove(target->connected->out->senders);
  }
}

void close_socket(simulated_io& owner, operation& op) {
  auto& host = owner.host();
  auto target = host.descriptor(op.fd);
  host.remove_descriptor(op.fd);
  if (target->listening) {
    target->listening->shut = true;
    host.ports().erase(target->listening->port);
    answer_all(target->listening->acceptors, {.error = errc::cancelled});
    for (auto const& never_accepted : target->listening->arrived) {
      end_sending(host, never_accepted->connected->out);
      end_receiving(never_accepted->connected->in);
    }
    target->listening->arrived.clear();
  } else {
    end_sending(host, target->connected->out);
    end_receiving(target->connected->in);
  }
  host.after_latency([&owner, &op] { owner.finish(op, {}); });
}

expected<listen_result> listen_on(world& host, sockaddr_storage const& address, int backlog) {
  auto port = port_of(address);
  if (port == 0) {
    port = first_free_port;
    while (host.ports().contains(port)) ++port;
  }
  if (host.ports().contains(port)) return fail(errc::address_in_use);
  auto made = std::make_shared<description>();
  made->listening = std::make_shared<listening_socket>();
  made->listening->port = port;
  made->listening->backlog = static_cast<std::size_t>(backlog);
  auto fd = host.add_descriptor(made);
  if (!fd) return fail(fd.error());
  host.ports().emplace(port, made->listening);
  return listen_result{.fd = *fd, .port = port};
}

std::shared_ptr<description> make_unconnected(world&) {
  auto made = std::make_shared<description>();
  made->connected = std::make_shared<stream>();
  return made;
}

void shut_down(world& host, int fd) {
  auto target = host.descriptor(fd);
  if (!target) return;
  if (target->listening) {
    target->listening->shut = true;
    answer_all(target->listening->acceptors, {.error = errc::invalid});
  } else if (target->connected) {
    end_sending(host, target->connected->out);
    end_receiving(target->connected->in);
  }
}

expected<sockaddr_storage> peer_of(world const& host, int fd) {
  auto target = host.descriptor(fd);
  if (!target || !target->connected || !target->connected->in) return fail(errc::reset);
  return target->connected->peer;
}

}  // namespace karst::sim
