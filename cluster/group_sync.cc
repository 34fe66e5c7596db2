#include <map>

#include "cluster/group.h"

namespace karst::cluster {

using enum net::error_code;

group_effects group::sync(group_sync request, group_ticket ticket, time_point now,
                          wall_ms wall_now) {
  group_effects effects;
  step at{now, wall_now, effects};
  auto refuse = [&](net::error_code error) {
    effects.syncs.emplace_back(ticket, group_sync_answer{.error = error});
    return std::move(effects);
  };
  if (state_ == group_state::dead) return refuse(coordinator_not_available);
  auto error = check_member(request.member_id, request.instance_id);
  if (error != none) return refuse(error);
  if (request.generation != generation_) return refuse(illegal_generation);
  if ((request.protocol_type && *request.protocol_type != protocol_type_) ||
      (request.protocol && request.protocol != protocol_)) {
    return refuse(inconsistent_group_protocol);
  }
  if (state_ == group_state::preparing_rebalance) return refuse(rebalance_in_progress);
  auto& member = *members_.find(request.member_id);
  sync_received(member);
  if (state_ == group_state::stable) {
    extend_session(member, now, member.session_timeout_ms);
    effects.syncs.emplace_back(ticket, group_sync_answer{.protocol_type = protocol_type_,
                                                         .protocol = protocol_,
                                                         .assignment = member.assignment});
    return effects;
  }
  if (auto older = std::exchange(member.sync, ticket)) {
    answer_sync(at, *older, {.error = rebalance_in_progress});
  }
  parked_.emplace(ticket, true);
  // Once is enough: the leader that asks again has lost its answer, not its mind.
  if (members_.leader() == request.member_id && !storing_assignment_) store_assignment(at, request);
  return effects;
}

void group::sync_received(group_member& member) {
  members_.set_owes_sync(member, false);
  if (members_.owing_sync() == 0) sync_deadline_ = never;
}

// Of the assignments those of members count; a member that the leader left out has nothing.
void group::store_assignment(step& at, group_sync& request) {
  std::map<std::string_view, std::string*> by_member;
  for (auto& [id, assignment] : request.assignments) by_member.insert_or_assign(id, &assignment);
  auto image = this->image();
  in_flight outcome{.purpose = store_purpose::assignment};
  for (auto& member : image.members) {
    auto found = by_member.find(member.id);
    member.assignment = found == by_member.end() ? std::string{} : std::move(*found->second);
    outcome.assignments.emplace_back(member.id, member.assignment);
  }
  storing_assignment_ = true;
  store(at, std::move(image), std::move(outcome));
}

void group::assignment_stored(step& at, in_flight& outcome, net::error_code error) {
  // Members that came or went meanwhile have begun another rebalance, and know it.
  if (state_ != group_state::completing_rebalance || generation_ != outcome.generation) return;
  storing_assignment_ = false;
  if (error != none) {
    fail_assignment(at, error);
    prepare_rebalance(at, "the assignment could not be stored");
    return;
  }
  for (auto& [id, assignment] : outcome.assignments) {
    members_.find(id)->assignment = std::move(assignment);
  }
  answer_syncs(at, none);
  move_to(at, group_state::stable);
}

void group::fail_assignment(step& at, net::error_code error) {
  for (auto& [id, member] : members_.all()) member.assignment.clear();
  answer_syncs(at, error);
}

void group::answer_syncs(step& at, net::error_code error) {
  for (auto& [id, member] : members_.all()) {
    auto ticket = std::exchange(member.sync, std::nullopt);
    if (!ticket) continue;
    group_sync_answer answer{.error = error};
    if (error == none) {
      answer.protocol_type = protocol_type_;
      answer.protocol = protocol_;
      answer.assignment = member.assignment;
    }
    answer_sync(at, *ticket, std::move(answer));
    extend_session(member, at.now, member.session_timeout_ms);
  }
}

void group::answer_sync(step& at, group_ticket ticket, group_sync_answer answer) {
  if (parked_.erase(ticket) > 0) at.effects.syncs.emplace_back(ticket, std::move(answer));
}

}  // namespace karst::cluster
