#include "net/group_member.h"

#include "net/consumer_protocol.h"
#include "net/messages/heartbeat.h"
#include "net/messages/join_group.h"
#include "net/messages/leave_group.h"
#include "net/messages/offset_commit.h"
#include "net/messages/sync_group.h"
#include "reactor/core.h"

namespace karst::net {
namespace {

constexpr std::string_view protocol_type = "consumer";
// In the order of our preference; the coordinator takes one that all members know.
constexpr std::string_view protocols[] = {"range", "roundrobin"};
constexpr std::int16_t subscription_version = 1;
// As Kafka's heartbeat.interval.ms, and never less than three in a session.
constexpr duration beat_interval = 3s;
// The coordinator answers a join when the last member has joined or its time is up.
constexpr duration beyond_rebalance = 5s;
// How often the leader looks whether its topics have more partitions by now.
constexpr duration look_interval = 30s;

std::int32_t milliseconds(duration time) { return static_cast<std::int32_t>(time / 1ms); }

bool coordinator_moved(error_code code) {
  return code == error_code::not_coordinator || code == error_code::coordinator_not_available ||
         code == error_code::coordinator_load_in_progress;
}

bool thrown_out(error_code code) {
  return code == error_code::unknown_member_id || code == error_code::illegal_generation;
}

std::vector<group_subscriber> to_subscribers(join_group_response const& joined) {
  std::vector<group_subscriber> members;
  for (auto const& each : joined.members) {
    auto& member = members.emplace_back(each.member_id, each.group_instance_id);
    // One that we cannot read gets nothing, and the others get theirs.
    if (auto topics = parse_subscribed_topics(each.metadata.bytes)) {
      member.topics.assign(topics->begin(), topics->end());
    }
  }
  return members;
}

task<expected<std::map<std::string, std::int32_t>, error>> count_partitions(
    client& brokers, std::vector<std::string> topics) {
  std::map<std::string, std::int32_t> counts;
  auto known = co_await brokers.metadata(std::move(topics));
  if (!known) co_return unexpected<error>(known.error());
  for (auto const& topic : (*known)->topics) {
    if (topic.error != error_code::none) continue;
    counts[topic.name.value_or("")] = static_cast<std::int32_t>(topic.partitions.size());
  }
  co_return counts;
}

}  // namespace

group_member::group_member(client& own, client& quick, group_member_options options)
    : own_(own), quick_(quick), options_(std::move(options)) {}
group_member::~group_member() = default;

error group_member::refused(error_code code) const {
  return to_error(code, {}, "cannot join group " + options_.group);
}

// --- joining

task<expected<partitions_by_topic, error>> group_member::join() {
  generation_ = -1;  // ends the beating
  must_rejoin_ = false;
  joining_ = true;
  auto attempts_until = own_.patience();
  expected<partitions_by_topic, error> result;
  while (true) {
    auto coordinator = co_await own_.coordinator_of(options_.group);
    expected<std::optional<partitions_by_topic>, error> assigned{};
    auto code = error_code::none;
    if (!coordinator) {
      assigned = unexpected<error>(coordinator.error());
    } else if (auto joined = co_await ask_to_join(**coordinator); !joined) {
      assigned = unexpected<error>(joined.error());
    } else {
      code = (*joined)->error;
      if (code == error_code::none || code == error_code::member_id_required) {
        member_id_ = (*joined)->member_id;
        attempts_until = own_.patience();
      }
      if (code == error_code::none) assigned = co_await synchronize(**coordinator, **joined);
    }
    if (leaving_) {
      result = fail(errc::cancelled, "", "left group {}", options_.group);
      break;
    }
    if (assigned && *assigned) {
      result = std::move(**assigned);
      break;
    }
    if (!assigned && !(lost(assigned.error()) && core::current().now() < attempts_until)) {
      result = unexpected<error>(assigned.error());
      break;
    }
    if (!assigned) own_.forget_coordinator(options_.group);
    if (!assigned) co_await own_.pause();
    if (auto again = co_await take_place(code, attempts_until); !again) {
      result = unexpected<error>(again.error());
      break;
    }
  }
  joining_ = false;
  if (result) beating_.spawn(beat(generation_));
  co_return result;
}

// After a refusal: what has to be different the next time. An error when there is no next time.
task<expected<void, error>> group_member::take_place(error_code code, time_point attempts_until) {
  if (thrown_out(code)) {
    member_id_.clear();
  } else if (coordinator_moved(code) && own_.may_retry(code, attempts_until)) {
    own_.forget_coordinator(options_.group);
    co_await own_.pause();
  } else if (code != error_code::none && code != error_code::member_id_required &&
             code != error_code::rebalance_in_progress) {
    co_return unexpected<error>(refused(code));
  }
  co_return expected<void, error>{};
}

task<expected<answer<join_group_response>, error>> group_member::ask_to_join(
    client_connection& coordinator) {
  auto metadata =
      to_bytes(consumer_subscription{.version = subscription_version, .topics = options_.topics});
  join_group_request request{.group_id = options_.group,
                             .session_timeout_ms = milliseconds(options_.session_timeout),
                             .rebalance_timeout_ms = milliseconds(options_.rebalance_timeout),
                             .member_id = member_id_,
                             .protocol_type = protocol_type};
  if (options_.instance_id) request.group_instance_id = *options_.instance_id;
  for (auto name : protocols) request.protocols.push_back({name, {metadata}});
  co_return co_await coordinator.ask<join_group_response>(
      std::move(request), options_.rebalance_timeout + beyond_rebalance);
}

// nullopt: the group rebalances already again.
task<expected<std::optional<partitions_by_topic>, error>> group_member::synchronize(
    client_connection& coordinator, join_group_response const& joined) {
  protocol_ = joined.protocol_name.value_or("");
  members_ = 0;
  partition_counts_.clear();
  group_assignments assignments;
  if (joined.leader == joined.member_id && !joined.skip_assignment) {
    auto made = co_await assign(joined);
    if (!made) co_return unexpected<error>(made.error());
    assignments = std::move(*made);
    members_ = joined.members.size();
  }
  sync_group_request request{.group_id = options_.group,
                             .generation_id = joined.generation_id,
                             .member_id = member_id_,
                             .protocol_type = protocol_type,
                             .protocol_name = protocol_};
  if (options_.instance_id) request.group_instance_id = *options_.instance_id;
  std::vector<std::string> bytes;
  for (auto const& [id, assigned] : assignments) bytes.push_back(to_assignment_bytes(assigned));
  std::size_t place = 0;
  for (auto const& [id, assigned] : assignments) {
    request.assignments.push_back({id, {bytes[place++]}});
  }
  auto reply = co_await coordinator.ask<sync_group_response>(
      std::move(request), options_.rebalance_timeout + beyond_rebalance);
  if (!reply) co_return unexpected<error>(reply.error());
  auto code = (*reply)->error;
  if (code == error_code::none) {
    generation_ = joined.generation_id;
    look_again_at_ = members_ > 0 ? core::current().now() + look_interval : never;
    co_return std::optional{assigned_in((*reply)->assignment.bytes)};
  }
  auto again = co_await take_place(code, own_.patience());
  if (!again) co_return unexpected<error>(again.error());
  co_return std::optional<partitions_by_topic>{};
}

task<expected<group_assignments, error>> group_member::assign(join_group_response const& joined) {
  auto members = to_subscribers(joined);
  std::vector<std::string> topics;
  for (auto const& each : members) {
    topics.insert(topics.end(), each.topics.begin(), each.topics.end());
  }
  std::ranges::sort(topics);
  topics.erase(std::unique(topics.begin(), topics.end()), topics.end());
  auto counts = co_await count_partitions(quick_, std::move(topics));
  if (!counts) co_return unexpected<error>(counts.error());
  partition_counts_ = *counts;
  co_return protocol_ == protocols[0] ? assign_range(std::move(members), *counts)
                                      : assign_round_robin(std::move(members), *counts);
}

// --- being a member

task<> group_member::beat(std::int32_t generation) {
  auto const interval = std::min(beat_interval, options_.session_timeout / 3);
  while (true) {
    auto woken = co_await sleep_until{core::current().now() + interval, &closing_};
    if (woken == wake_reason::aborted || generation != generation_) co_return;
    if (!co_await beat_once(generation)) co_return;
    co_await look_for_partitions();
  }
}

// False: there is nothing more to beat for.
task<bool> group_member::beat_once(std::int32_t generation) {
  auto coordinator = co_await own_.coordinator_of(options_.group);
  if (generation != generation_) co_return false;
  // A broker that is away may come back before the session ends.
  if (!coordinator) {
    own_.forget_coordinator(options_.group);
    co_return true;
  }
  heartbeat_request request{
      .group_id = options_.group, .generation_id = generation, .member_id = member_id_};
  if (options_.instance_id) request.group_instance_id = *options_.instance_id;
  auto reply = co_await (*coordinator)->ask<heartbeat_response>(std::move(request));
  if (generation != generation_) co_return false;
  auto code = reply ? (*reply)->error : error_code::coordinator_not_available;
  if (code == error_code::none) co_return true;
  if (coordinator_moved(code)) {
    own_.forget_coordinator(options_.group);
  } else if (code == error_code::rebalance_in_progress) {
    must_rejoin_ = true;
  } else if (thrown_out(code)) {
    must_rejoin_ = true;
    member_id_.clear();
    co_return false;
  } else {
    failure_ = to_error(code, {}, "cannot stay in group " + options_.group);
    co_return false;
  }
  co_return true;
}

// New partitions have no reader until the leader assigns again.
task<> group_member::look_for_partitions() {
  if (core::current().now() < look_again_at_) co_return;
  look_again_at_ = core::current().now() + look_interval;
  auto generation = generation_;
  std::vector<std::string> topics;
  for (auto const& [topic, count] : partition_counts_) topics.push_back(topic);
  for (auto const& topic : options_.topics) {
    if (!partition_counts_.contains(topic)) topics.push_back(topic);
  }
  auto counts = co_await count_partitions(quick_, std::move(topics));
  if (counts && generation == generation_ && *counts != partition_counts_) must_rejoin_ = true;
}

task<expected<bool, error>> group_member::commit(offsets_by_partition offsets) {
  if (offsets.empty()) co_return true;
  auto attempts_until = own_.patience();
  while (true) {
    if (generation_ < 0 || member_id_.empty()) co_return false;
    auto coordinator = co_await own_.coordinator_of(options_.group);
    auto code = error_code::coordinator_not_available;
    std::optional<error> problem;
    if (coordinator) {
      auto request = to_commit_request(options_.group, offsets);
      request.generation_id_or_member_epoch = generation_;
      request.member_id = member_id_;
      if (options_.instance_id) request.group_instance_id = *options_.instance_id;
      auto reply = co_await (*coordinator)->ask<offset_commit_response>(std::move(request));
      if (reply) {
        code = outcome_of_commit(**reply);
      } else {
        problem = reply.error();
      }
    } else {
      problem = coordinator.error();
    }
    if (code == error_code::none) co_return true;
    if (thrown_out(code)) {
      must_rejoin_ = true;
      if (code == error_code::unknown_member_id) member_id_.clear();
      co_return false;
    }
    auto again = problem ? lost(*problem)
                         : coordinator_moved(code) || code == error_code::rebalance_in_progress;
    if (!again || core::current().now() >= attempts_until) {
      auto what = fmt::format("cannot commit offsets of group {}", options_.group);
      co_return unexpected<error>(problem ? *problem : to_error(code, {}, what));
    }
    own_.forget_coordinator(options_.group);
    co_await own_.pause();
  }
}

task<> group_member::leave(std::string reason) {
  leaving_ = true;
  generation_ = -1;
  // A static member's place is kept for it until its session ends: that is what it is for.
  if (member_id_.empty() || options_.instance_id) co_return;
  auto coordinator = co_await quick_.coordinator_of(options_.group);
  if (!coordinator) co_return;
  leave_group_request request{.group_id = options_.group, .member_id = member_id_};
  request.members.push_back({.member_id = member_id_, .reason = reason});
  // Nothing depends on the answer: without it the session ends by itself.
  (void)co_await (*coordinator)->ask<leave_group_response>(std::move(request));
  member_id_.clear();
}

task<> group_member::close() {
  generation_ = -1;
  closing_.request();
  co_await beating_.join();
}

}  // namespace karst::net
