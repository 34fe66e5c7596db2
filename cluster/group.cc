#include "cluster/group.h"

#include <algorithm>

namespace karst::cluster {

using enum net::error_code;

std::string_view group_state_name(group_state state) {
  switch (state) {
    case group_state::empty:
      return "Empty";
    case group_state::preparing_rebalance:
      return "PreparingRebalance";
    case group_state::completing_rebalance:
      return "CompletingRebalance";
    case group_state::stable:
      return "Stable";
    case group_state::dead:
      return "Dead";
  }
  return "Dead";
}

group::group(std::string id, group_rules const& rules, wall_ms wall_now)
    : id_(std::move(id)), rules_(rules), state_timestamp_(wall_now) {}

// The record may be anybody's: members that cannot be are left out.
group::group(std::string id, group_rules const& rules, group_image image, time_point now)
    : id_(std::move(id)),
      rules_(rules),
      state_timestamp_(image.state_timestamp),
      generation_(std::max(0, image.generation)),
      protocol_type_(std::move(image.protocol_type)),
      protocol_(std::move(image.protocol)) {
  for (auto& stored : image.members) {
    if (stored.id.empty() || members_.find(stored.id) != nullptr) continue;
    if (stored.instance_id && members_.holder(*stored.instance_id) != nullptr) continue;
    group_member member{.instance_id = std::move(stored.instance_id),
                        .client_id = std::move(stored.client_id),
                        .client_host = std::move(stored.client_host),
                        .rebalance_timeout_ms = stored.rebalance_timeout_ms,
                        .session_timeout_ms = stored.session_timeout_ms,
                        .assignment = std::move(stored.assignment)};
    member.protocols.push_back({protocol_.value_or(""), std::move(stored.subscription)});
    auto& added = members_.add(std::move(stored.id), std::move(member));
    extend_session(added, now, added.session_timeout_ms);
  }
  if (image.leader && members_.find(*image.leader) != nullptr) members_.set_leader(*image.leader);
  if (members_.size() > 0) state_ = group_state::stable;
  find_subscribed_topics();
  if (members_.size() > static_cast<std::size_t>(rules_.max_size)) {
    group_effects nobody_waits;
    step at{now, state_timestamp_, nobody_waits};
    prepare_rebalance(at, "more members than group.max.size");
  }
}

std::string const& group::id() const { return id_; }
group_state group::state() const { return state_; }
std::int32_t group::generation() const { return generation_; }
std::string const& group::protocol_type() const { return protocol_type_; }
std::size_t group::size() const { return members_.size(); }
std::size_t group::memory_bytes() const {
  return limit::group_bytes + members_.memory_bytes() +
         pending_.size() * limit::pending_member_bytes;
}
wall_ms group::state_timestamp() const { return state_timestamp_; }

std::optional<std::vector<std::string>> const& group::subscribed_topics() const {
  return subscribed_topics_;
}

group_image group::image() const {
  group_image image{.protocol_type = protocol_type_,
                    .generation = generation_,
                    .protocol = protocol_,
                    .state_timestamp = state_timestamp_};
  if (!members_.leader().empty()) image.leader = members_.leader();
  image.members.reserve(members_.size());
  for (auto const& [id, member] : members_.all()) {
    image.members.push_back({.id = id,
                             .instance_id = member.instance_id,
                             .client_id = member.client_id,
                             .client_host = member.client_host,
                             .rebalance_timeout_ms = member.rebalance_timeout_ms,
                             .session_timeout_ms = member.session_timeout_ms,
                             .subscription = std::string{member.metadata(protocol_.value_or(""))},
                             .assignment = member.assignment});
  }
  return image;
}

group_image group::describe() const {
  auto whole = image();
  if (state_ == group_state::stable) return whole;
  whole.protocol = "";
  for (auto& member : whole.members) {
    member.subscription.clear();
    member.assignment.clear();
  }
  return whole;
}

net::error_code group::check_member(std::string_view member_id,
                                    std::optional<std::string_view> instance_id) const {
  if (instance_id) {
    auto const* holder = members_.holder(*instance_id);
    if (holder == nullptr) return unknown_member_id;
    if (*holder != member_id) return fenced_instance_id;
  }
  return members_.find(member_id) != nullptr ? none : unknown_member_id;
}

net::error_code group::heartbeat(std::string_view member_id,
                                 std::optional<std::string_view> instance_id,
                                 std::int32_t generation, time_point now) {
  if (state_ == group_state::dead) return coordinator_not_available;
  if (auto error = check_member(member_id, instance_id); error != none) return error;
  if (generation != generation_) return illegal_generation;
  auto& member = *members_.find(member_id);
  keep_alive(member, now);
  return state_ == group_state::preparing_rebalance ? rebalance_in_progress : none;
}

net::error_code group::check_commit(std::string_view member_id,
                                    std::optional<std::string_view> instance_id,
                                    std::int32_t generation, time_point now) {
  if (state_ == group_state::dead) return coordinator_not_available;
  // From a consumer that assigns itself its partitions, or from a tool.
  if (generation < 0 && state_ == group_state::empty) return none;
  if (auto error = check_member(member_id, instance_id); error != none) return error;
  if (generation != generation_) return illegal_generation;
  // It has the generation from its join, yet not its assignment: it cannot have read anything.
  if (state_ == group_state::completing_rebalance) return rebalance_in_progress;
  auto& member = *members_.find(member_id);
  keep_alive(member, now);
  return none;
}

std::vector<net::error_code> group::leave(std::vector<group_leave> const& leaving,
                                          group_effects& effects, time_point now,
                                          wall_ms wall_now) {
  step at{now, wall_now, effects};
  std::vector<net::error_code> errors;
  errors.reserve(leaving.size());
  for (auto const& each : leaving) {
    if (state_ == group_state::dead) {
      errors.push_back(coordinator_not_available);
      continue;
    }
    auto member_id = each.member_id;
    if (member_id.empty() && each.instance_id) {
      auto const* holder = members_.holder(*each.instance_id);
      if (holder != nullptr) member_id = *holder;
    } else if (pending_.contains(member_id)) {
      remove_pending(at, member_id);
      errors.push_back(none);
      continue;
    }
    auto error = check_member(member_id, each.instance_id);
    if (error == none) {
      remove_member(at, member_id, each.reason.empty() ? "it leaves" : each.reason);
    }
    errors.push_back(error);
  }
  return errors;
}

void group::forget(group_ticket ticket) { parked_.erase(ticket); }

group_effects group::stored(std::uint64_t token, net::error_code error, time_point now,
                            wall_ms wall_now) {
  group_effects effects;
  step at{now, wall_now, effects};
  auto found = in_flight_.find(token);
  if (found == in_flight_.end()) return effects;
  auto outcome = std::move(found->second);
  in_flight_.erase(found);
  switch (outcome.purpose) {
    // Without it a restart finds what was stored before: members that are gone, whose sessions end.
    case store_purpose::recorded:
      break;
    case store_purpose::assignment:
      assignment_stored(at, outcome, error);
      break;
    case store_purpose::replaced_static_member:
      static_stored(at, outcome, error);
      break;
  }
  return effects;
}

group_effects group::end(net::error_code error) {
  group_effects effects;
  step at{{}, state_timestamp_, effects};
  for (auto& [id, member] : members_.all()) answer_waiting(at, id, member, error);
  state_ = group_state::dead;
  pending_.clear();
  in_flight_.clear();
  next_session_end_ = join_deadline_ = sync_deadline_ = never;
  return effects;
}

void group::move_to(step& at, group_state state) {
  state_ = state;
  state_timestamp_ = at.wall_now;
}

void group::store(step& at, group_image image, in_flight outcome) {
  auto token = ++last_token_;
  outcome.generation = generation_;
  in_flight_.emplace(token, std::move(outcome));
  at.effects.stores.push_back({token, std::move(image)});
}

void group::answer_waiting(step& at, std::string const& member_id, group_member& member,
                           net::error_code error) {
  if (auto ticket = members_.take_join(member); ticket && parked_.erase(*ticket) > 0) {
    refuse_join(at, *ticket, member_id, error);
  }
  if (auto ticket = std::exchange(member.sync, std::nullopt)) {
    answer_sync(at, *ticket, {.error = error});
  }
}

void group::remove_member(step& at, std::string const& id, std::string_view why) {
  // The empty id makes a client that still waits come again as a new one.
  answer_waiting(at, "", *members_.find(id), unknown_member_id);
  at.effects.notes.push_back(fmt::format("member {} is removed: {}", id, why));
  members_.remove(id);
  if (state_ == group_state::preparing_rebalance) {
    try_complete_join(at);
  } else {
    maybe_prepare_rebalance(at, "a member is gone");
  }
}

void group::remove_pending(step& at, std::string const& id) {
  pending_.erase(id);
  try_complete_join(at);
}

}  // namespace karst::cluster
