#include <algorithm>

#include "cluster/group.h"

namespace karst::cluster {

using enum net::error_code;

time_point group::wake_at() const {
  return std::min({next_session_end_, join_deadline_, sync_deadline_});
}

group_effects group::tick(time_point now, wall_ms wall_now) {
  group_effects effects;
  if (state_ == group_state::dead) return effects;
  step at{now, wall_now, effects};
  expire_sessions(at);
  if (now >= join_deadline_) join_deadline_passed(at);
  if (now >= sync_deadline_) sync_deadline_passed(at);
  return effects;
}

void group::extend_session(group_member& member, time_point now, std::int64_t timeout_ms) {
  member.session_end = now + std::chrono::milliseconds{timeout_ms};
  next_session_end_ = std::min(next_session_end_, member.session_end);
}

// A sign of life only ever moves the end back: nobody needs to ask wake_at() again after it.
void group::keep_alive(group_member& member, time_point now) {
  auto until = now + std::chrono::milliseconds{member.session_timeout_ms};
  member.session_end = std::max(member.session_end, until);
}

// Removing one may begin a generation that extends the sessions of others: each is asked again.
void group::expire_sessions(step& at) {
  if (at.now < next_session_end_) return;
  std::vector<std::string> ended;
  for (auto const& [id, until] : pending_) {
    if (at.now >= until) ended.push_back(id);
  }
  for (auto const& id : ended) remove_pending(at, id);
  ended.clear();
  auto has_ended = [&at](group_member const& member) {
    return member.may_expire() && at.now >= member.session_end;
  };
  for (auto const& [id, member] : members_.all()) {
    if (has_ended(member)) ended.push_back(id);
  }
  for (auto const& id : ended) {
    auto const* member = members_.find(id);
    if (member == nullptr || !has_ended(*member)) continue;
    remove_member(at, id,
                  member->is_new ? "its first join waited too long"
                                 : fmt::format("nothing was heard of it for {} ms",
                                               member->session_timeout_ms));
  }
  find_next_session_end();
}

void group::find_next_session_end() {
  next_session_end_ = never;
  for (auto const& [id, until] : pending_) next_session_end_ = std::min(next_session_end_, until);
  for (auto const& [id, member] : members_.all()) {
    if (member.may_expire()) next_session_end_ = std::min(next_session_end_, member.session_end);
  }
}

void group::join_deadline_passed(step& at) {
  if (initial_delay_ && member_came_in_delay_ && delay_left_ms_ != 0) {
    member_came_in_delay_ = false;
    auto delay_ms = std::min<std::int64_t>(rules_.initial_rebalance_delay_ms, delay_left_ms_);
    delay_left_ms_ = std::max<std::int64_t>(delay_left_ms_ - delay_step_ms_, 0);
    delay_step_ms_ = delay_ms;
    join_deadline_ = at.now + std::chrono::milliseconds{delay_ms};
    return;
  }
  complete_join(at);
}

void group::sync_deadline_passed(step& at) {
  std::vector<std::string> owing;
  for (auto const& [id, member] : members_.all()) {
    if (member.owes_sync) owing.push_back(id);
  }
  for (auto const& id : owing) {
    at.effects.notes.push_back(fmt::format("member {} is removed: it sent no SyncGroup", id));
    answer_waiting(at, "", *members_.find(id), unknown_member_id);
    members_.remove(id);
  }
  prepare_rebalance(at, "members did not ask for their assignment");
}

}  // namespace karst::cluster
