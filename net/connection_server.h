#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "net/connection.h"
#include "net/core_network.h"
#include "reactor/base/hash.h"

namespace karst::net {

// The connections of one core. Made and used on that core only.
class core_connections {
 public:
  core_connections(handler& requests, limits const& limits_of_core)
      : network_(requests, limits_of_core) {}

  // Serves the connection until it has ended, or asks to go on at another core.
  task<std::optional<connection_handoff>> serve(connection_handoff arrived);
  // Every connection answers what it has started and closes; those that are not done in time are
  // cut. Done when all have ended.
  task<> stop();
  network_counters const& counters() const { return network_.counters; }
  std::size_t open() const { return open_; }

 private:
  core_network network_;
  intrusive_list<connection> connections_;
  std::size_t open_ = 0;
  bool stopping_ = false;
  waiters ended_;
};

// One listening address of the process: accepts on core 0 and hands each connection to the core
// with the fewest. There it stays, unless all its requests are for one other core that has not too
// many connections already (limit::connections_share_most). Beyond limits::connections, in total or
// from one address, a connection is accepted and closed at once, counted, and logged
// (rate-limited). All calls on core 0.
class connection_server {
 public:
  // `handler_of_this_core` is called once on every core; the handler outlives the server. Nothing
  // is accepted before start().
  static task<expected<std::unique_ptr<connection_server>, error>> open(
      sockaddr_storage address, limits limits, std::function<handler&()> handler_of_this_core);
  ~connection_server();

  std::uint16_t port() const { return listener_->port(); }
  void start();
  // Stops accepting, lets every connection answer what it has started, closes. Done within
  // limits::stop_patience, and the time the handlers take to give up once `closing` is requested.
  task<> stop();

  std::uint64_t refused() const { return refused_; }
  // Sum over the cores.
  task<network_counters> counters();

 private:
  connection_server(std::unique_ptr<listener> listener, limits const& limits);
  task<> accept_connections();
  void place(int fd);
  task<> serve_on(core_id target, connection_handoff accepted, std::string address);
  bool takes_more(core_id target) const;
  static task<> refuse(int fd);
  core_id least_loaded();

  std::unique_ptr<listener> listener_;
  limits limits_;
  std::vector<std::unique_ptr<core_connections>> cores_;
  std::vector<std::size_t> connections_;  // by core
  hash_map<std::string, std::size_t> by_address_;
  std::size_t open_ = 0;
  std::uint64_t next_id_ = 1;
  core_id next_core_ = 0;  // where ties go
  std::uint64_t refused_ = 0;
  bool started_ = false;
  bool stopped_ = false;
  task_set tasks_;
};

}  // namespace karst::net
