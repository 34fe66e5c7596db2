#include <algorithm>
#include <limits>
#include <set>

#include "cluster/group.h"
#include "net/consumer_protocol.h"

namespace karst::cluster {

using enum net::error_code;

namespace {

// When nobody has joined again in time, static members are waited for until their sessions end.
// A client's rebalance timeout of nothing must not make that a busy loop.
constexpr std::int64_t postponed_least_ms = 1'000;

}  // namespace

void group::maybe_prepare_rebalance(step& at, std::string_view why) {
  if (state_ == group_state::preparing_rebalance || state_ == group_state::dead) return;
  prepare_rebalance(at, why);
}

void group::prepare_rebalance(step& at, std::string_view why) {
  if (state_ == group_state::completing_rebalance) fail_assignment(at, rebalance_in_progress);
  sync_deadline_ = never;
  initial_delay_ = state_ == group_state::empty;
  member_came_in_delay_ = false;
  std::int64_t timeout_ms = members_.rebalance_timeout_ms();
  if (initial_delay_) {
    delay_step_ms_ = std::max(0, rules_.initial_rebalance_delay_ms);
    delay_left_ms_ = std::max<std::int64_t>(timeout_ms - delay_step_ms_, 0);
    timeout_ms = delay_step_ms_;
  }
  join_deadline_ = at.now + std::chrono::milliseconds{timeout_ms};
  move_to(at, group_state::preparing_rebalance);
  at.effects.notes.push_back(fmt::format("generation {} is over: {}", generation_, why));
  if (initial_delay_ && timeout_ms == 0) {
    complete_join(at);
  } else {
    try_complete_join(at);
  }
}

void group::try_complete_join(step& at) {
  if (state_ != group_state::preparing_rebalance || initial_delay_) return;
  if (members_.joining() == members_.size() && pending_.empty()) complete_join(at);
}

void group::complete_join(step& at) {
  drop_absent(at);
  initial_delay_ = false;
  if (!members_.elect_joined_leader() && members_.size() > 0) {
    auto again_ms = std::max<std::int64_t>(members_.rebalance_timeout_ms(), postponed_least_ms);
    join_deadline_ = at.now + std::chrono::milliseconds{again_ms};
    return;
  }
  join_deadline_ = never;
  begin_generation(at);
}

// Static members stay until their sessions end, so that a restart of one costs no rebalance.
void group::drop_absent(step& at) {
  std::vector<std::string> absent;
  for (auto const& [id, member] : members_.all()) {
    if (!member.join && !member.instance_id) absent.push_back(id);
  }
  for (auto const& id : absent) {
    at.effects.notes.push_back(fmt::format("member {} is removed: it did not join again", id));
    members_.remove(id);
  }
}

void group::begin_generation(step& at) {
  // Two thousand million generations are never reached but by a record that says so.
  generation_ = generation_ == std::numeric_limits<std::int32_t>::max() ? 1 : generation_ + 1;
  storing_assignment_ = false;
  if (members_.size() == 0) {
    protocol_.reset();
    find_subscribed_topics();
    move_to(at, group_state::empty);
    at.effects.notes.push_back(fmt::format("generation {} has no members", generation_));
    store(at, image(), {.purpose = store_purpose::recorded});
    return;
  }
  protocol_ = members_.select_protocol();
  find_subscribed_topics();
  move_to(at, group_state::completing_rebalance);
  at.effects.notes.push_back(fmt::format("generation {} has {} members, protocol {}, leader {}",
                                         generation_, members_.size(), *protocol_,
                                         members_.leader()));
  for (auto& [id, member] : members_.all()) {
    if (auto ticket = members_.take_join(member); ticket && parked_.erase(*ticket) > 0) {
      at.effects.joins.emplace_back(*ticket, welcome(id));
    }
    member.is_new = false;
    extend_session(member, at.now, member.session_timeout_ms);
    members_.set_owes_sync(member, true);
  }
  sync_deadline_ = at.now + std::chrono::milliseconds{members_.rebalance_timeout_ms()};
}

void group::find_subscribed_topics() {
  subscribed_topics_.reset();
  if (protocol_type_ != "consumer") return;
  if (members_.size() > 0 && !protocol_) return;
  std::set<std::string_view> topics;
  std::vector<std::string_view> last;
  for (auto const& [id, member] : members_.all()) {
    auto of_member = net::parse_subscribed_topics(member.metadata(*protocol_));
    if (!of_member) return;
    if (*of_member == last) continue;  // most members subscribe to the same
    topics.insert(of_member->begin(), of_member->end());
    last = std::move(*of_member);
  }
  subscribed_topics_.emplace(topics.begin(), topics.end());
}

}  // namespace karst::cluster
