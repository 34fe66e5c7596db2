#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cluster/group.h"

namespace karst::cluster {

// A group with its clock and its log, and a memory of everything that went in and came out, which
// is held against the rules that no order of events may break. The first that is broken is kept in
// problem(), and nothing is looked at any more. Names: ids of static members begin with 's' and
// their instance id, up to a '-'.
class group_watch {
 public:
  // No store waits longer than this for its outcome.
  static constexpr std::int64_t store_ms = 300;
  // The longest rebalance timeout that anybody has, and more than it takes to postpone one.
  static constexpr std::int64_t rebalance_most_ms = 2'000;

  struct answer {
    group_ticket ticket = 0;
    std::optional<group_join_answer> join;
    std::optional<group_sync_answer> sync;
  };

  // tells: every event and answer goes to stderr, to follow a walk that went wrong.
  group_watch(group_rules rules, bool tells)
      : rules_(rules), tells_(tells), group_("g", rules, wall()) {}

  group_rules const& rules() const { return rules_; }
  group const& subject() const { return group_; }
  std::string const& problem() const { return problem_; }
  bool stores_wait() const { return !stores_.empty(); }
  std::vector<answer> take_answers() { return std::exchange(answers_, {}); }
  bool waits(group_ticket ticket) const { return parked_.contains(ticket); }

  group_ticket join(group_join request) {
    auto ticket = ++last_ticket_;
    tell("join {} as '{}' instance {} session {} rebalance {}", ticket, request.member_id,
         request.instance_id.value_or("-"), request.session_timeout_ms,
         request.rebalance_timeout_ms);
    request.fresh_uuid = std::to_string(ticket);
    parked_[ticket] = {true, request.member_id, now_ms_};
    auto session_ms = request.session_timeout_ms;
    take(group_.join(std::move(request), ticket, now(), wall()));
    replace_forgotten(ticket);
    if (!answers_.empty() && answers_.back().ticket == ticket && answers_.back().join &&
        answers_.back().join->error == net::error_code::member_id_required) {
      given_ms_[answers_.back().join->member_id] = now_ms_ + session_ms;
    }
    return ticket;
  }

  group_ticket sync(group_sync request) {
    auto ticket = ++last_ticket_;
    tell("sync {} of '{}' in {}", ticket, request.member_id, request.generation);
    parked_[ticket] = {false, request.member_id, now_ms_};
    take(group_.sync(std::move(request), ticket, now(), wall()));
    replace_forgotten(ticket);
    return ticket;
  }

  net::error_code heartbeat(std::string const& id, std::optional<std::string> const& instance,
                            std::int32_t generation) {
    auto error = group_.heartbeat(id, instance, generation, now());
    tell("heartbeat of '{}' in {}: {}", id, generation, int(error));
    auto alive = error == net::error_code::none || error == net::error_code::rebalance_in_progress;
    if (!alive) return error;
    check(valid_member(id, instance, generation), "heartbeat of {} taken", id);
    check((error == net::error_code::rebalance_in_progress) ==
              (group_.state() == group_state::preparing_rebalance),
          "heartbeat answered {} in {}", int(error), group_state_name(group_.state()));
    heard_of(id);
    check_all();
    return error;
  }

  net::error_code commit(std::string const& id, std::optional<std::string> const& instance,
                         std::int32_t generation) {
    auto error = group_.check_commit(id, instance, generation, now());
    tell("commit of '{}' in {}: {}", id, generation, int(error));
    if (error != net::error_code::none) return error;
    if (group_.state() == group_state::empty) {
      check(generation < 0, "commit of {} for generation {} of nobody", id, generation);
      return error;
    }
    check(valid_member(id, instance, generation), "commit of {} taken", id);
    check(group_.state() != group_state::completing_rebalance, "commit before the assignment");
    heard_of(id);
    check_all();
    return error;
  }

  void leave(std::vector<group_leave> const& members) {
    group_effects effects;
    auto errors = group_.leave(members, effects, now(), wall());
    for (auto const& each : members) {
      tell("leave of '{}' instance {}", each.member_id, each.instance_id.value_or("-"));
    }
    check(errors.size() == members.size(), "{} errors for {}", errors.size(), members.size());
    take(std::move(effects));
  }

  void forget(group_ticket ticket) {
    auto found = parked_.find(ticket);
    if (found == parked_.end()) return;
    tell("forget {}", ticket);
    group_.forget(ticket);
    found->second.forgotten = true;
  }

  void finish_store(bool succeeds) {
    if (stores_.empty()) return;
    auto store = std::move(stores_.front());
    stores_.pop_front();
    tell("store {} of generation {} {}", store.what.token, store.what.image.generation,
         succeeds ? "done" : "failed");
    auto error = succeeds ? net::error_code::none : net::error_code::not_coordinator;
    if (succeeds) durable_ = std::move(store.what.image);
    newest_is_durable_ = succeeds;
    auto effects = group_.stored(store.what.token, error, now(), wall());
    correction_lost_ = !succeeds && group_.state() == group_state::stable &&
                       effects.joins.empty() && effects.stores.empty();
    // Where a new process could not be stored, the session of the old one begins anew.
    if (!succeeds) forget_who_was_heard();
    take(std::move(effects));
  }

  void advance(std::int64_t ms) {
    auto until = now_ms_ + ms;
    int turns = 0;
    while (problem_.empty()) {
      auto wake = group_.wake_at() == never ? until + 1 : ms_of(group_.wake_at());
      auto store = stores_.empty() ? until + 1 : stores_.front().since_ms + store_ms;
      auto next = std::min(wake, store);
      if (next > until) break;
      now_ms_ = std::max(now_ms_, next);
      if (store <= wake) {
        finish_store(true);
      } else {
        take(group_.tick(now(), wall()));
        check(++turns < 1'000, "the group wakes without end");
      }
    }
    now_ms_ = until;
    check_all();
  }

  // The process dies, and with it what waits; of the records on their way the first `written` are
  // found by the next.
  void restart(std::size_t written) {
    tell("restart, {} of {} stores written", written, stores_.size());
    for (; written > 0 && !stores_.empty(); --written) {
      durable_ = std::move(stores_.front().what.image);
      stores_.pop_front();
    }
    stores_.clear();
    parked_.clear();
    answers_.clear();
    generations_.clear();
    fenced_.clear();
    given_ms_.clear();
    ids_of_instance_.clear();
    newest_is_durable_ = true;
    correction_lost_ = false;
    group_ = durable_ ? group("g", rules_, *durable_, now()) : group("g", rules_, wall());
    last_generation_ = group_.generation();
    forget_who_was_heard();
    auto live = comparable(group_.image());
    check(!durable_ || live == comparable(*durable_), "loaded group differs from its record");
    check_all();
  }

  void end() {
    take(group_.end(net::error_code::not_coordinator));
    for (auto const& [ticket, waiting] : parked_) {
      check(waiting.forgotten, "ticket {} has no answer at the end", ticket);
    }
    check(group_.wake_at() == never, "a dead group wakes");
  }

 private:
  struct waiting {
    bool is_join = false;
    std::string member_id;
    std::int64_t since_ms = 0;
    bool forgotten = false;
  };
  struct store {
    group_effects::store what;
    std::int64_t since_ms = 0;
  };
  // What all members of a generation must be told alike.
  struct told {
    std::optional<std::string> protocol;
    std::optional<std::string> protocol_type;
    std::string leader;
  };

  template <typename... Args>
  void tell(fmt::format_string<Args...> what, Args&&... args) {
    if (!tells_) return;
    fmt::print(stderr, "{:6} {:19} {:2} | {}\n", now_ms_, group_state_name(group_.state()),
               group_.generation(), fmt::format(what, std::forward<Args>(args)...));
  }

  template <typename... Args>
  void check(bool holds, fmt::format_string<Args...> what, Args&&... args) {
    if (holds || !problem_.empty()) return;
    problem_ = fmt::format("at {} ms: {}", now_ms_, fmt::format(what, std::forward<Args>(args)...));
  }

  static std::int64_t ms_of(time_point at) {
    return std::chrono::ceil<std::chrono::milliseconds>(at - time_point{}).count();
  }
  time_point now() const { return time_point{std::chrono::milliseconds{now_ms_}}; }
  wall_ms wall() const { return 1'000'000 + now_ms_; }
  // A static member is the same whatever its id.
  static std::string identity(std::string const& id) {
    return id.starts_with('s') ? id.substr(0, id.find('-')) : id;
  }
  static group_image comparable(group_image image) {
    image.state_timestamp = 0;
    return image;
  }
  static group_member_image const* find(group_image const& image, std::string const& id) {
    auto found = std::ranges::find(image.members, id, &group_member_image::id);
    return found == image.members.end() ? nullptr : &*found;
  }

  bool valid_member(std::string const& id, std::optional<std::string> const& instance,
                    std::int32_t generation) {
    check(!fenced_.contains(id), "{} was fenced and succeeds", id);
    auto image = group_.image();
    auto const* member = find(image, id);
    return member != nullptr && generation == image.generation &&
           (!instance || member->instance_id == instance);
  }
  void heard_of(std::string const& id) { heard_ms_[id] = now_ms_; }
  void forget_who_was_heard() {
    heard_ms_.clear();
    for (auto const& member : group_.image().members) heard_of(member.id);
  }
  // A second request of a member takes the place of a forgotten one without anybody seeing it.
  void replace_forgotten(group_ticket by) {
    auto found = parked_.find(by);
    if (found == parked_.end()) return;
    auto const& newer = found->second;
    std::erase_if(parked_, [&](auto const& each) {
      return each.second.forgotten && each.second.is_join == newer.is_join &&
             each.second.member_id == newer.member_id;
    });
  }

  void take(group_effects effects) {
    for (auto const& note : effects.notes) tell("  {}", note);
    for (auto const& [ticket, join] : effects.joins) {
      tell("  {} joined as '{}' in {}: {}", ticket, join.member_id, join.generation,
           int(join.error));
    }
    for (auto const& [ticket, sync] : effects.syncs) {
      tell("  {} synced: {} '{}'", ticket, int(sync.error), sync.assignment);
    }
    for (auto const& each : effects.stores) {
      tell("  store {} of generation {}", each.token, each.image.generation);
    }
    for (auto& [ticket, answer] : effects.joins) {
      check_ticket(ticket, true);
      check_join(ticket, answer);
      answers_.push_back({ticket, std::move(answer), std::nullopt});
    }
    for (auto& [ticket, answer] : effects.syncs) {
      check_ticket(ticket, false);
      check_sync(ticket, answer);
      answers_.push_back({ticket, std::nullopt, std::move(answer)});
    }
    for (auto& [ticket, join] : effects.joins) parked_.erase(ticket);
    for (auto& [ticket, sync] : effects.syncs) parked_.erase(ticket);
    for (auto& each : effects.stores) {
      check(each.image.generation == group_.generation(), "stores generation {} in {}",
            each.image.generation, group_.generation());
      stores_.push_back({std::move(each), now_ms_});
    }
    name_parked();
    if (group_.generation() != last_generation_) begin_generation();
    drop_forgotten();
    check_all();
  }

  void check_ticket(group_ticket ticket, bool is_join) {
    auto found = parked_.find(ticket);
    check(found != parked_.end(), "ticket {} answered twice", ticket);
    if (found == parked_.end()) return;
    check(found->second.is_join == is_join, "ticket {} answered as another", ticket);
    check(!found->second.forgotten, "ticket {} answered though it was forgotten", ticket);
  }

  void check_join(group_ticket ticket, group_join_answer const& answer) {
    if (answer.error != net::error_code::none) return heard_of(answer.member_id);
    auto const& asked = parked_[ticket].member_id;
    check(asked.empty() || asked == answer.member_id, "{} joined as {}", asked, answer.member_id);
    check(!fenced_.contains(answer.member_id), "{} was fenced and joins", answer.member_id);
    check(answer.generation >= last_generation_ && answer.generation <= group_.generation(),
          "joined generation {} in {}", answer.generation, group_.generation());
    check(answer.members.empty() || answer.leader == answer.member_id, "{} sees the members",
          answer.member_id);
    check(!answer.skip_assignment || answer.leader == answer.member_id, "a follower skips");
    told now{answer.protocol, answer.protocol_type, identity(answer.leader)};
    auto const& first = generations_.try_emplace(answer.generation, now).first->second;
    check(now.leader == first.leader, "generation {} is led by {} and by {}", answer.generation,
          now.leader, first.leader);
    check(now.protocol == first.protocol && now.protocol_type == first.protocol_type,
          "generation {} has two protocols", answer.generation);
    heard_of(answer.member_id);
    auto instance = identity(answer.member_id);
    if (instance == answer.member_id) return;
    auto& ids = ids_of_instance_[instance];
    for (auto const& id : ids) {
      if (id != answer.member_id) fenced_.insert(id);
    }
    ids.insert(answer.member_id);
  }

  void check_sync(group_ticket ticket, group_sync_answer const& answer) {
    auto const& id = parked_[ticket].member_id;
    heard_of(id);
    if (answer.error != net::error_code::none) return;
    check(!fenced_.contains(id), "{} was fenced and syncs", id);
    auto told = generations_.find(group_.generation());
    if (told != generations_.end()) {
      check(answer.protocol == told->second.protocol, "{} is told another protocol", id);
    }
    if (!durable_ || !stores_.empty()) return;
    auto const* member = find(*durable_, id);
    check(member != nullptr && durable_->generation == group_.generation(), "{} is not stored", id);
    check(member == nullptr || member->assignment == answer.assignment,
          "{} is assigned '{}', stored is '{}'", id, answer.assignment,
          member == nullptr ? "" : member->assignment);
  }

  // A new member's ticket is known by the id that it was given.
  void name_parked() {
    auto image = group_.image();
    for (auto& [ticket, waiting] : parked_) {
      if (!waiting.member_id.empty()) continue;
      auto suffix = "-" + std::to_string(ticket);
      for (auto const& member : image.members) {
        if (member.id.ends_with(suffix)) waiting.member_id = member.id;
      }
      heard_of(waiting.member_id);
    }
  }

  // Those whose client has gone are let go of when their generation begins or they are removed.
  void drop_forgotten() {
    auto image = group_.image();
    auto moved_on = std::exchange(moved_on_, false);
    std::erase_if(parked_, [&](auto const& each) {
      auto const& waiting = each.second;
      if (!waiting.forgotten) return false;
      auto over = moved_on || find(image, waiting.member_id) == nullptr ||
                  (!waiting.is_join && group_.state() != group_state::completing_rebalance) ||
                  (waiting.is_join && group_.state() == group_state::stable && stores_.empty());
      if (over) heard_of(waiting.member_id);
      return over;
    });
  }

  void begin_generation() {
    check(group_.generation() > last_generation_, "generation {} after {}", group_.generation(),
          last_generation_);
    last_generation_ = group_.generation();
    moved_on_ = true;
    forget_who_was_heard();
    if (group_.state() != group_state::completing_rebalance) return;
    std::set<std::string> came;
    for (auto const& each : answers_) {
      if (each.join) came.insert(each.join->member_id);
    }
    for (auto const& [ticket, each] : parked_) {
      if (each.forgotten && each.is_join) came.insert(each.member_id);
    }
    for (auto const& member : group_.image().members) {
      check(member.instance_id || came.contains(member.id), "{} is in generation {} unasked",
            member.id, group_.generation());
    }
  }

  void check_all() {
    if (!problem_.empty() || group_.state() == group_state::dead) return;
    auto image = group_.image();
    check_image(image);
    std::set<std::string> waiting;
    for (auto const& [ticket, each] : parked_) {
      waiting.insert(each.member_id);
      auto most = rebalance_most_ms + rules_.initial_rebalance_delay_ms + 2 * store_ms;
      check(each.forgotten || now_ms_ - each.since_ms <= most, "ticket {} of {} waits since {} ms",
            ticket, each.member_id, each.since_ms);
    }
    for (auto const& member : image.members) {
      if (waiting.contains(member.id)) continue;
      auto heard = heard_ms_.try_emplace(member.id, now_ms_).first->second;
      auto ends = heard + member.session_timeout_ms;
      check(now_ms_ <= ends, "nothing was heard of {} since {} ms", member.id, heard);
      check(ms_of(group_.wake_at()) <= ends, "{} would not be removed in time", member.id);
    }
  }

  void check_image(group_image const& image) {
    for (auto const& member : image.members) {
      auto given = given_ms_.find(member.id);
      if (given == given_ms_.end()) continue;
      check(now_ms_ < given->second, "{} joins after it was forgotten", member.id);
      given_ms_.erase(given);
    }
    std::set<std::string> instances;
    for (auto const& member : image.members) {
      if (!member.instance_id) continue;
      check(instances.insert(*member.instance_id).second, "{} is there twice", *member.instance_id);
    }
    auto state = group_.state();
    check(image.members.empty() || (image.leader && find(image, *image.leader) != nullptr),
          "no leader among the members");
    check(state != group_state::empty || image.members.empty(), "an empty group has members");
    auto complete = state == group_state::stable || state == group_state::completing_rebalance;
    check(!complete || (!image.members.empty() && image.protocol), "a generation of nobody");
    // A stable group is a stored one, unless only the correction of a record was lost; an empty one
    // may not have been.
    auto stored = (state == group_state::stable && !correction_lost_) ||
                  (state == group_state::empty && newest_is_durable_);
    if (stored && stores_.empty() && durable_) {
      check(comparable(image) == comparable(*durable_), "stored and live group differ");
    }
  }

  group_rules rules_;
  bool tells_;
  std::int64_t now_ms_ = 0;
  group group_;
  std::string problem_;
  group_ticket last_ticket_ = 0;
  std::map<group_ticket, waiting> parked_;
  std::vector<answer> answers_;
  std::deque<store> stores_;
  std::optional<group_image> durable_;
  bool newest_is_durable_ = true;
  bool correction_lost_ = false;
  std::int32_t last_generation_ = 0;
  std::map<std::int32_t, told> generations_;
  std::set<std::string> fenced_;
  std::map<std::string, std::set<std::string>> ids_of_instance_;
  std::map<std::string, std::int64_t> heard_ms_;
  std::map<std::string, std::int64_t> given_ms_;  // until when an id that was given out is good
  bool moved_on_ = false;
};

}  // namespace karst::cluster
