#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "cluster/group.h"

namespace karst::cluster {

// A group with a clock, a log that stores at once (or when it is told to), and the answers by
// ticket. Times are milliseconds since the driver began; defaults are those of Kafka's
// GroupCoordinatorTest.
class group_driver {
 public:
  static constexpr std::int32_t session_ms = 500;
  static constexpr std::int32_t rebalance_ms = 500;

  explicit group_driver(group_rules rules = {10, 600'000, 4, 0})
      : rules_(rules), subject_("g", rules, 0) {}
  group_driver(group_rules rules, group_image const& image)
      : rules_(rules), subject_("g", rules, image, time_point{}) {}

  group& subject() { return subject_; }
  group_state state() const { return subject_.state(); }
  std::vector<group_effects::store>& held() { return held_; }
  group_image const& durable() const { return durable_; }

  static group_join join_request(std::string member_id = "") {
    group_join request;
    request.member_id = std::move(member_id);
    request.client_id = "client";
    request.client_host = "/127.0.0.1";
    request.session_timeout_ms = session_ms;
    request.rebalance_timeout_ms = rebalance_ms;
    request.protocol_type = "consumer";
    request.protocols = {{"range", "metadata"}};
    return request;
  }
  static group_join static_request(std::string instance_id, std::string member_id = "") {
    auto request = join_request(std::move(member_id));
    request.instance_id = std::move(instance_id);
    return request;
  }

  group_ticket join(group_join request) {
    auto ticket = ++last_ticket_;
    request.fresh_uuid = "uuid" + std::to_string(ticket);
    take(subject_.join(std::move(request), ticket, now(), wall()));
    return ticket;
  }
  group_ticket sync(group_sync request) {
    auto ticket = ++last_ticket_;
    take(subject_.sync(std::move(request), ticket, now(), wall()));
    return ticket;
  }
  group_ticket sync(std::string const& member_id, std::int32_t generation,
                    std::vector<std::pair<std::string, std::string>> assignments = {}) {
    return sync(
        {.member_id = member_id, .generation = generation, .assignments = std::move(assignments)});
  }
  net::error_code heartbeat(std::string const& member_id, std::int32_t generation) {
    return subject_.heartbeat(member_id, std::nullopt, generation, now());
  }
  std::vector<net::error_code> leave(std::vector<group_leave> const& members) {
    group_effects effects;
    auto errors = subject_.leave(members, effects, now(), wall());
    take(std::move(effects));
    return errors;
  }
  void end(net::error_code error) { take(subject_.end(error)); }
  void finish(group_effects::store const& store, net::error_code error = {}) {
    if (error == net::error_code::none) durable_ = store.image;
    take(subject_.stored(store.token, error, now(), wall()));
  }
  void hold_stores() { hold_ = true; }
  void fail_stores(net::error_code error) { store_error_ = error; }

  // Every timer at its own time. How often the group was woken.
  int advance(std::int64_t ms) {
    auto until = now_ms_ + ms;
    int turns = 0;
    for (; subject_.wake_at() <= at(until); ++turns) {
      if (turns == 10'000) {
        ADD_FAILURE() << "the group wakes without end";
        break;
      }
      auto wake = std::chrono::ceil<std::chrono::milliseconds>(subject_.wake_at() - time_point{});
      now_ms_ = std::max<std::int64_t>(now_ms_, wake.count());
      take(subject_.tick(now(), wall()));
    }
    now_ms_ = until;
    return turns;
  }
  time_point now() const { return at(now_ms_); }

  bool waits(group_ticket ticket) const {
    return !joined_.contains(ticket) && !synced_.contains(ticket);
  }
  // What the ticket was answered; fails the test if it was not.
  group_join_answer joined(group_ticket ticket) {
    EXPECT_TRUE(joined_.contains(ticket)) << "join " << ticket << " waits";
    return joined_[ticket];
  }
  group_sync_answer synced(group_ticket ticket) {
    EXPECT_TRUE(synced_.contains(ticket)) << "sync " << ticket << " waits";
    return synced_[ticket];
  }

  // A stable group of the members that these requests make, in their order; the first leads, and
  // each is assigned "to " and its id.
  std::vector<group_join_answer> stable(std::vector<group_join> requests) {
    std::vector<group_join_answer> answers;
    for (auto& request : requests) {
      std::vector<group_ticket> tickets{join(request)};
      for (std::size_t i = 0; i < answers.size(); ++i) {
        auto again = requests[i];
        again.member_id = answers[i].member_id;
        tickets.push_back(join(again));
      }
      auto newest = joined(tickets.front());
      for (std::size_t i = 0; i < answers.size(); ++i) answers[i] = joined(tickets[i + 1]);
      answers.push_back(newest);
    }
    std::vector<std::pair<std::string, std::string>> assignments;
    for (auto const& each : answers)
      assignments.emplace_back(each.member_id, "to " + each.member_id);
    for (auto const& each : answers) {
      auto ticket = sync(each.member_id, each.generation, assignments);
      EXPECT_EQ(synced(ticket).error, net::error_code::none);
    }
    EXPECT_EQ(state(), group_state::stable);
    return answers;
  }

 private:
  static time_point at(std::int64_t ms) { return time_point{std::chrono::milliseconds{ms}}; }
  wall_ms wall() const { return 1'000'000 + now_ms_; }

  void take(group_effects effects) {
    for (auto& [ticket, answer] : effects.joins) {
      EXPECT_TRUE(joined_.emplace(ticket, std::move(answer)).second) << "answered twice";
    }
    for (auto& [ticket, answer] : effects.syncs) {
      EXPECT_TRUE(synced_.emplace(ticket, std::move(answer)).second) << "answered twice";
    }
    for (auto& store : effects.stores) {
      if (hold_) {
        held_.push_back(std::move(store));
      } else {
        finish(store, store_error_);
      }
    }
  }

  group_rules rules_;
  group subject_;
  std::int64_t now_ms_ = 0;
  group_ticket last_ticket_ = 0;
  std::map<group_ticket, group_join_answer> joined_;
  std::map<group_ticket, group_sync_answer> synced_;
  bool hold_ = false;
  net::error_code store_error_{};
  std::vector<group_effects::store> held_;
  group_image durable_;
};

}  // namespace karst::cluster
