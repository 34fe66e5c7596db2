#include <algorithm>

#include "cluster/group.h"
#include "cluster/limits.h"
#include "reactor/base/assert.h"

namespace karst::cluster {

using enum net::error_code;

namespace {

// A new member's client may time out and come again under another id again and again while a
// rebalance is long; each of them goes after this (Kafka: NewMemberJoinTimeoutMs).
constexpr std::int64_t new_member_timeout_ms = 5 * 60 * 1000;

// A name counts once for a member, however often it names it.
void keep_first_of_each_name(std::vector<group_protocol>& protocols) {
  hash_map<std::string, bool> seen;
  std::erase_if(protocols, [&seen](auto const& protocol) {
    return !seen.emplace(protocol.name, true).second;
  });
}

}  // namespace

group_effects group::join(group_join request, group_ticket ticket, time_point now,
                          wall_ms wall_now) {
  group_effects effects;
  step at{now, wall_now, effects};
  if (request.session_timeout_ms < rules_.min_session_timeout_ms ||
      request.session_timeout_ms > rules_.max_session_timeout_ms) {
    refuse_join(at, ticket, std::move(request.member_id), invalid_session_timeout);
    return effects;
  }
  keep_first_of_each_name(request.protocols);
  if (!accepts(request)) {
    // Of a group that has become too large those who join again last must go.
    if (members_.find(request.member_id) != nullptr) members_.remove(request.member_id);
    pending_.erase(request.member_id);
    refuse_join(at, ticket, "", group_max_size_reached);
  } else if (request.member_id.empty()) {
    join_new(at, request, ticket);
  } else {
    join_known(at, request, ticket);
  }
  try_complete_join(at);
  return effects;
}

bool group::accepts(group_join const& request) const {
  auto max_size = static_cast<std::size_t>(std::max(0, rules_.max_size));
  auto const* member = members_.find(request.member_id);
  // A static member that comes again takes its own place (Kafka 3.9 refuses it in a full group).
  if (member == nullptr && request.instance_id) {
    auto const* holder = members_.holder(*request.instance_id);
    if (holder != nullptr) member = members_.find(*holder);
  }
  switch (state_) {
    case group_state::empty:
    case group_state::dead:
      return true;
    case group_state::preparing_rebalance:
      return (member != nullptr && member->join) || members_.joining() < max_size;
    case group_state::completing_rebalance:
    case group_state::stable:
      return member != nullptr || members_.size() < max_size;
  }
  return false;
}

bool group::supports(group_join const& request) const {
  if (request.protocols.empty()) return false;
  if (state_ == group_state::empty) return !request.protocol_type.empty();
  return request.protocol_type == protocol_type_ && members_.share_one_of(request.protocols);
}

void group::refuse_join(step& at, group_ticket ticket, std::string member_id,
                        net::error_code error) {
  group_join_answer answer;
  answer.error = error;
  answer.member_id = std::move(member_id);
  at.effects.joins.emplace_back(ticket, std::move(answer));
}

void group::join_new(step& at, group_join& request, group_ticket ticket) {
  if (state_ == group_state::dead) return refuse_join(at, ticket, "", coordinator_not_available);
  if (!supports(request)) return refuse_join(at, ticket, "", inconsistent_group_protocol);
  auto new_id =
      fmt::format("{}-{}", request.instance_id.value_or(request.client_id), request.fresh_uuid);
  if (request.instance_id) {
    auto const* holder = members_.holder(*request.instance_id);
    if (holder != nullptr) return replace_static(at, *holder, std::move(new_id), request, ticket);
  } else if (request.requires_known_member_id) {
    if (pending_.size() >= limit::pending_members) {
      return refuse_join(at, ticket, "", group_max_size_reached);
    }
    auto until = at.now + std::chrono::milliseconds{request.session_timeout_ms};
    pending_.insert_or_assign(new_id, until);
    next_session_end_ = std::min(next_session_end_, until);
    return refuse_join(at, ticket, std::move(new_id), member_id_required);
  }
  add_member(at, std::move(new_id), request, ticket);
}

void group::join_known(step& at, group_join& request, group_ticket ticket) {
  auto id = request.member_id;
  if (state_ == group_state::dead) return refuse_join(at, ticket, id, coordinator_not_available);
  if (!supports(request)) return refuse_join(at, ticket, id, inconsistent_group_protocol);
  // A pending member is never static; one that says so is caught by check_member.
  if (!request.instance_id && pending_.contains(id)) return add_member(at, id, request, ticket);
  if (auto error = check_member(id, request.instance_id); error != none) {
    return refuse_join(at, ticket, id, error);
  }
  auto& member = *members_.find(id);
  // The same again asks for the answer that was lost. Of a stable group's leader it asks for a
  // rebalance: what it assigns has changed.
  auto same = member.protocols == request.protocols &&
              !(state_ == group_state::stable && members_.leader() == id);
  if (state_ != group_state::preparing_rebalance && same) {
    at.effects.joins.emplace_back(ticket, welcome(id));
    return;
  }
  update_member(at, id, member, request, ticket);
  maybe_prepare_rebalance(at, fmt::format("member {} joins again", id));
}

void group::add_member(step& at, std::string id, group_join& request, group_ticket ticket) {
  if (state_ == group_state::preparing_rebalance && generation_ == 0) member_came_in_delay_ = true;
  if (members_.size() == 0) protocol_type_ = std::move(request.protocol_type);
  pending_.erase(id);
  auto& member = members_.add(id, {.instance_id = std::move(request.instance_id),
                                   .client_id = std::move(request.client_id),
                                   .client_host = std::move(request.client_host),
                                   .rebalance_timeout_ms = request.rebalance_timeout_ms,
                                   .session_timeout_ms = request.session_timeout_ms,
                                   .protocols = std::move(request.protocols),
                                   .is_new = true});
  park_join(at, id, member, ticket);
  extend_session(member, at.now, new_member_timeout_ms);
  maybe_prepare_rebalance(at, fmt::format("member {} is new", id));
}

void group::update_member(step& at, std::string const& id, group_member& member,
                          group_join& request, group_ticket ticket) {
  members_.set_protocols(member, std::move(request.protocols));
  member.rebalance_timeout_ms = request.rebalance_timeout_ms;
  member.session_timeout_ms = request.session_timeout_ms;
  park_join(at, id, member, ticket);
}

void group::park_join(step& at, std::string const& id, group_member& member, group_ticket ticket) {
  if (auto older = members_.take_join(member); older && parked_.erase(*older) > 0) {
    refuse_join(at, *older, id, rebalance_in_progress);
  }
  members_.park_join(member, ticket);
  parked_.emplace(ticket, true);
}

group_join_answer group::welcome(std::string const& member_id) const {
  group_join_answer answer{.generation = generation_,
                           .protocol_type = protocol_type_,
                           .protocol = protocol_,
                           .leader = members_.leader(),
                           .member_id = member_id};
  if (member_id == members_.leader()) answer.members = members_for_leader();
  return answer;
}

std::vector<group_join_answer::member> group::members_for_leader() const {
  std::vector<group_join_answer::member> all;
  all.reserve(members_.size());
  for (auto const& [id, member] : members_.all()) {
    all.push_back({id, member.instance_id, std::string{member.metadata(protocol_.value_or(""))}});
  }
  return all;
}

}  // namespace karst::cluster
