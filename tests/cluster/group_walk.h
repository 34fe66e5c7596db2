#pragma once

#include <functional>

#include "tests/cluster/group_watch.h"

namespace karst::cluster {

// A few clients that do anything with a group in any order, well and badly, as `below` chooses
// (a number below its argument); then they all behave, and the group must come to rest with all of
// them. The rules are group_watch's.
class group_walk {
 public:
  using chooser = std::function<std::uint32_t(std::uint32_t)>;

  explicit group_walk(chooser below, bool tells = false)
      : below_(std::move(below)),
        watch_(rules(), tells),
        clients_(2 + below_(5)),
        slow_log_(below_(3) == 0) {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      clients_[i].name = fmt::format("c{}", i);
      // Two of them may claim to be the same instance.
      if (below_(2) == 0) clients_[i].instance = fmt::format("s{}", below_(3));
      dress(clients_[i]);
    }
  }

  // What went wrong; empty: nothing.
  std::string const& problem() const { return problem_.empty() ? watch_.problem() : problem_; }

  void step() {
    auto& client = clients_[below_(static_cast<std::uint32_t>(clients_.size()))];
    switch (below_(16)) {
      case 0:
      case 1:
      case 2:
        join(client);
        break;
      case 3:
      case 4:
      case 5:
        sync(client);
        break;
      case 6:
      case 7:
        heartbeat(client);
        break;
      case 8:
        watch_.commit(some_id(client), claimed(client), some_generation(client));
        break;
      case 9:
        leave(client);
        break;
      case 10:
        watch_.advance(below_(8) * below_(8) * 50);
        break;
      case 11:
        watch_.advance(below_(100));
        break;
      case 12:
        watch_.finish_store(below_(4) != 0);
        break;
      case 13:
        renew(client);
        break;
      case 14:
        forget(client);
        break;
      case 15:
        if (below_(8) == 0) restart();
        break;
    }
    read_answers();
    if (!slow_log_ && below_(4) != 0) watch_.finish_store(below_(8) != 0);
    read_answers();
  }

  // All programs start anew, and behave as Kafka's own would.
  void settle() {
    for (auto& client : clients_) {
      forget(client);
      client.id.clear();
      client.generation = -1;
      client.is_fenced = client.has_assignment = false;
      client.protocol_type = "consumer";
      client.protocols = {{"a", "m"}, {"b", "m"}, {"c", "m"}};
      client.session_ms = 1'000;
      client.rebalance_ms = group_watch::rebalance_most_ms;
    }
    constexpr int rounds_most = 1'000;
    constexpr int rounds_at_rest = 5;
    int at_rest = 0;
    std::int32_t generation = 0;
    for (int round = 0; round < rounds_most && problem().empty(); ++round) {
      for (auto& client : clients_) behave(client);
      while (watch_.stores_wait()) watch_.finish_store(true);
      read_answers();
      // At rest for longer than any timer runs, in one generation.
      watch_.advance(at_rest > 0 ? 500 : 50);
      read_answers();
      auto same = is_at_rest() && (at_rest == 0 || watch_.subject().generation() == generation);
      generation = watch_.subject().generation();
      at_rest = same ? at_rest + 1 : 0;
      if (at_rest == rounds_at_rest) return;
    }
    auto what = fmt::format("{} with {} members of at most {} does not come to rest:",
                            group_state_name(watch_.subject().state()), watch_.subject().size(),
                            max_size());
    for (auto const& client : clients_) {
      what += fmt::format(" {} is '{}' in {}{}{},", client.instance.value_or(client.name),
                          client.id, client.generation, client.has_assignment ? " assigned" : "",
                          client.is_fenced ? " fenced" : "");
    }
    fail(std::move(what));
  }

  void end() { watch_.end(); }

 private:
  struct client {
    std::string name;
    std::optional<std::string> instance;
    std::string protocol_type = "consumer";
    std::vector<group_protocol> protocols;
    std::int32_t session_ms = 1'000;
    std::int32_t rebalance_ms = 1'000;
    bool cautious = false;
    bool skips = false;
    // What it knows of itself.
    std::string id;
    std::int32_t generation = -1;
    std::vector<std::string> members;  // it leads them
    bool has_assignment = false;
    bool is_fenced = false;
    group_ticket joining = 0;
    group_ticket syncing = 0;
  };

  group_rules rules() {
    group_rules rules{10, 10'000, 100, 0};
    if (below_(4) == 0) rules.max_size = static_cast<std::int32_t>(1 + below_(4));
    if (below_(4) == 0) rules.initial_rebalance_delay_ms = static_cast<std::int32_t>(below_(300));
    return rules;
  }

  void fail(std::string what) {
    if (problem().empty()) problem_ = std::move(what);
  }

  // Other habits, as after an update of the program.
  void dress(client& client) {
    client.protocol_type = below_(16) == 0 ? "connect" : "consumer";
    client.protocols.clear();
    for (auto name : {"a", "b", "c"}) {
      if (below_(3) == 0) continue;
      client.protocols.push_back({name, below_(2) == 0 ? "m" : "n"});
    }
    if (client.protocols.size() > 1 && below_(2) == 0)
      std::swap(client.protocols[0], client.protocols[1]);
    client.session_ms = std::array{100, 500, 1'000, 5'000, 5}[below_(5)];
    client.rebalance_ms = std::array{0, 50, 300, 1'000, 2'000}[below_(5)];
    client.cautious = below_(2) == 0;
    client.skips = below_(2) == 0;
  }

  // A new process in its place; it may be another program.
  void renew(client& client) {
    if (below_(2) == 0) dress(client);
    client.joining = watch_.join(join_request(client, ""));
  }

  std::string some_id(client const& client) {
    auto const& other = clients_[below_(static_cast<std::uint32_t>(clients_.size()))];
    return std::array{
        client.id, client.id, client.id, client.id, other.id, std::string{}, std::string{"nobody"},
        client.id}[below_(8)];
  }
  std::int32_t some_generation(client const& client) {
    return std::array{client.generation,     client.generation,     client.generation,
                      client.generation - 1, client.generation + 1, -1}[below_(6)];
  }
  std::optional<std::string> claimed(client const& client) {
    return below_(8) == 0 ? std::nullopt : client.instance;
  }

  group_join join_request(client const& client, std::string id) {
    return {.member_id = std::move(id),
            .instance_id = client.instance,
            .client_id = client.name,
            .client_host = "/host",
            .session_timeout_ms = client.session_ms,
            .rebalance_timeout_ms = client.rebalance_ms,
            .protocol_type = client.protocol_type,
            .protocols = client.protocols,
            .requires_known_member_id = client.cautious && !client.instance,
            .supports_skip_assignment = client.skips};
  }
  void join(client& client) { client.joining = watch_.join(join_request(client, some_id(client))); }
  void sync(client& client) {
    auto request = sync_request(client);
    request.member_id = some_id(client);
    request.instance_id = claimed(client);
    request.generation = some_generation(client);
    client.syncing = watch_.sync(std::move(request));
  }
  group_sync sync_request(client const& client) {
    group_sync request{
        .member_id = client.id, .instance_id = client.instance, .generation = client.generation};
    for (auto const& id : client.members) {
      request.assignments.emplace_back(id, fmt::format("{} in {}", id, client.generation));
    }
    return request;
  }
  void heartbeat(client& client) {
    watch_.heartbeat(some_id(client), claimed(client), some_generation(client));
  }
  void leave(client& client) {
    std::vector<group_leave> leaving{{some_id(client), claimed(client), "it wants to"}};
    if (below_(4) == 0) {
      auto const& other = clients_[below_(static_cast<std::uint32_t>(clients_.size()))];
      leaving.push_back({some_id(other), claimed(other), ""});
    }
    watch_.leave(leaving);
  }
  void forget(client& client) {
    if (client.joining != 0) watch_.forget(client.joining);
    if (client.syncing != 0) watch_.forget(client.syncing);
    client.joining = client.syncing = 0;
  }
  void restart() {
    watch_.restart(below_(3));
    for (auto& client : clients_) client.joining = client.syncing = 0;
  }

  void read_answers() {
    for (auto& answer : watch_.take_answers()) {
      for (auto& client : clients_) {
        if (answer.join && client.joining == answer.ticket) joined(client, *answer.join);
        if (answer.sync && client.syncing == answer.ticket) synced(client, *answer.sync);
      }
    }
  }
  void joined(client& client, group_join_answer& answer) {
    client.joining = 0;
    client.has_assignment = false;
    if (answer.error == net::error_code::none) {
      client.id = answer.member_id;
      client.generation = answer.generation;
      client.members.clear();
      for (auto const& member : answer.members) client.members.push_back(member.id);
    } else if (answer.error == net::error_code::member_id_required) {
      client.id = answer.member_id;
    } else {
      lose(client, answer.error);
    }
  }
  void synced(client& client, group_sync_answer& answer) {
    client.syncing = 0;
    client.has_assignment = answer.error == net::error_code::none;
    if (!client.has_assignment) lose(client, answer.error);
  }
  // What an error makes a client forget.
  void lose(client& client, net::error_code error) {
    client.has_assignment = false;
    client.generation = -1;
    client.members.clear();
    if (error == net::error_code::fenced_instance_id) client.is_fenced = true;
    if (error != net::error_code::rebalance_in_progress) client.id.clear();
  }

  void behave(client& client) {
    // What it sent before it behaved may come back for another id; it goes on from scratch then.
    auto waits = (client.joining != 0 && watch_.waits(client.joining)) ||
                 (client.syncing != 0 && watch_.waits(client.syncing));
    if (client.is_fenced || waits) return;
    if (client.generation < 0 || client.id.empty()) {
      client.joining = watch_.join(join_request(client, client.id));
    } else if (!client.has_assignment) {
      client.syncing = watch_.sync(sync_request(client));
    } else {
      auto error = watch_.heartbeat(client.id, client.instance, client.generation);
      if (error == net::error_code::none) return;
      auto id = client.id;
      lose(client, error);
      if (error == net::error_code::illegal_generation) client.id = id;
    }
    read_answers();
  }

  // Stable, and every member is a client that knows it.
  bool is_at_rest() const {
    auto const& subject = watch_.subject();
    if (watch_.stores_wait()) return false;
    std::set<std::string> alive;
    auto image = subject.image();
    for (auto const& client : clients_) {
      if (client.is_fenced || client.generation != subject.generation()) continue;
      if (client.has_assignment) alive.insert(client.id);
    }
    auto wanted = std::ranges::count(clients_, false, &client::is_fenced);
    if (wanted == 0) return true;
    auto places = std::min<std::size_t>(static_cast<std::size_t>(wanted), max_size());
    return subject.state() == group_state::stable && alive.size() == subject.size() &&
           alive.size() == places;
  }
  std::size_t max_size() const { return static_cast<std::size_t>(watch_.rules().max_size); }

  chooser below_;
  std::string problem_;
  group_watch watch_;
  std::vector<client> clients_;
  bool slow_log_;  // several stores are on their way at once
};

}  // namespace karst::cluster
