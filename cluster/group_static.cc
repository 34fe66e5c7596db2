// Static members (KIP-345): one instance, one member, whatever its id is today.
#include "cluster/group.h"

namespace karst::cluster {

using enum net::error_code;

void group::replace_static(step& at, std::string old_id, std::string new_id, group_join& request,
                           group_ticket ticket) {
  in_flight outcome{.purpose = store_purpose::replaced_static_member,
                    .old_id = old_id,
                    .new_id = new_id,
                    .old_leader = members_.leader(),
                    .ticket = ticket,
                    .skip_assignment = request.supports_skip_assignment};
  auto& member = members_.rename(old_id, new_id);
  // Who still waits under the old id is another process with the same instance id.
  answer_waiting(at, old_id, member, fenced_instance_id);
  outcome.old_protocols = member.protocols;
  outcome.old_rebalance_timeout_ms = member.rebalance_timeout_ms;
  outcome.old_session_timeout_ms = member.session_timeout_ms;
  extend_session(member, at.now, member.session_timeout_ms);
  update_member(at, new_id, member, request, ticket);
  at.effects.notes.push_back(
      fmt::format("static member {} is now {}, was {}", *member.instance_id, new_id, old_id));
  switch (state_) {
    case group_state::stable:
      if (protocol_ == members_.select_protocol()) {
        // All others keep what they have; the new id must outlive a restart.
        store(at, image(), std::move(outcome));
      } else {
        maybe_prepare_rebalance(at, fmt::format("member {} changes the protocol", new_id));
      }
      break;
    case group_state::completing_rebalance:
      // The leader may be assigning to the old id already.
      prepare_rebalance(at, fmt::format("member {} was replaced", new_id));
      break;
    case group_state::preparing_rebalance:
    case group_state::empty:
    case group_state::dead:
      break;
  }
}

// What has happened meanwhile decides more than the outcome: in another generation, or once another
// took the instance, the join is answered by that.
void group::static_stored(step& at, in_flight& outcome, net::error_code error) {
  if (error != none) {
    // Should the next in this place fail too, it goes back to what is stored.
    for (auto& [token, later] : in_flight_) {
      if (later.purpose != outcome.purpose || later.old_id != outcome.new_id) continue;
      later.old_id = outcome.old_id;
      later.old_leader = outcome.old_leader;
      later.old_protocols = outcome.old_protocols;
      later.old_rebalance_timeout_ms = outcome.old_rebalance_timeout_ms;
      later.old_session_timeout_ms = outcome.old_session_timeout_ms;
    }
  }
  auto* member = members_.find(outcome.new_id);
  if (state_ != group_state::stable || generation_ != outcome.generation || member == nullptr ||
      member->join != outcome.ticket) {
    return;
  }
  members_.take_join(*member);
  auto reader_is_there = parked_.erase(outcome.ticket) > 0;
  auto answer = welcome(outcome.new_id);
  if (error != none) {
    members_.set_protocols(*member, std::move(outcome.old_protocols));
    member->rebalance_timeout_ms = outcome.old_rebalance_timeout_ms;
    member->session_timeout_ms = outcome.old_session_timeout_ms;
    member = &members_.rename(outcome.new_id, outcome.old_id);
    // Records on their way have the new id; the last one must not.
    if (!in_flight_.empty()) store(at, image(), {.purpose = store_purpose::recorded});
    answer.error = error;
    answer.member_id.clear();
    answer.leader = outcome.old_leader;
    answer.members.clear();
  } else if (outcome.skip_assignment) {
    // KIP-814: it is told that it leads, and that there is nothing to assign.
    answer.skip_assignment = outcome.new_id == members_.leader();
  } else {
    // A client that knows no skipping must not assign: a stable group would ignore it. The old id
    // as the leader keeps it from that.
    answer.leader = outcome.old_leader;
    answer.members.clear();
  }
  extend_session(*member, at.now, member->session_timeout_ms);
  if (reader_is_there) at.effects.joins.emplace_back(outcome.ticket, std::move(answer));
}

}  // namespace karst::cluster
