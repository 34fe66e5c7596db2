#include "cluster/group_shard.h"

#include "reactor/base/logging.h"
#include "reactor/core.h"

namespace karst::cluster {
namespace {

time_point now() { return core::current().now(); }
wall_ms wall_now() { return core::current().clock().wall_now(); }

// As Java's UUID.randomUUID() prints it: what Kafka's member ids end with.
std::string random_uuid_text() {
  auto& clock = core::current().clock();
  auto high = (clock.random() & ~0xf000ULL) | 0x4000ULL;
  auto low = (clock.random() & ~(0xc0ULL << 56U)) | (0x80ULL << 56U);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32U, (high >> 16U) & 0xffffU,
                     high & 0xffffU, low >> 48U, low & 0xffffffffffffULL);
}

template <typename Answer, typename Tickets>
void give(Tickets& tickets, group_ticket ticket, Answer& answer) {
  auto found = tickets.find(ticket);
  if (found == tickets.end()) return;  // nobody waits any more
  found->second->answer = std::move(answer);
  found->second->answered.set();
  tickets.erase(found);
}

}  // namespace

void coordinated_group::note_due() { shard.note_due(*this); }

void group_shard::note_due(coordinated_group& group) {
  if (!group.due.linked()) services_.due.push_back(group.due);
  services_.timer_fired.set();
}

net::error_code group_shard::status() const {
  switch (state_) {
    case state::loading:
      return net::error_code::coordinator_load_in_progress;
    case state::unreadable:
      return net::error_code::coordinator_not_available;
    case state::loaded:
      break;
  }
  return net::error_code::none;
}

task<> group_shard::load(std::shared_ptr<group_shard> self, topic_choice exists) {
  auto loaded =
      co_await load_groups(self->services_.partitions, self->log_, self->services_.stopping);
  if (!loaded) {
    self->state_ = state::unreadable;
    if (loaded.error().code != errc::cancelled) {
      logging::error("groups", "{}", loaded.error().message());
    }
  } else {
    self->take_over(std::move(loaded->groups));
    self->state_ = state::loaded;
    self->services_.replayed += loaded->records;
  }
  self->load_ended_.set();
  if (self->loaded())
    co_await forget_topics(self, [&exists](auto topic) { return !exists(topic); });
}

void group_shard::take_over(loaded_groups&& loaded) {
  for (auto& [id, each] : loaded) {
    std::shared_ptr<coordinated_group> made;
    if (each.image) {
      made = std::make_shared<coordinated_group>(*this, id, services_.settings.rules,
                                                 std::move(*each.image), now());
    } else {
      made = std::make_shared<coordinated_group>(*this, id, services_.settings.rules, wall_now());
    }
    made->offsets = std::move(each.offsets);
    count(*made);
    arm(*made);
    groups_.emplace(id, std::move(made));
  }
}

coordinated_group* group_shard::find(std::string_view id) const {
  auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.get();
}

std::shared_ptr<coordinated_group> group_shard::shared(coordinated_group& group) const {
  return groups_.find(group.members.id())->second;
}

coordinated_group* group_shard::find_or_make(std::string_view id) {
  if (auto* found = find(id)) return found;
  auto made = std::make_shared<coordinated_group>(*this, std::string{id}, services_.settings.rules,
                                                  wall_now());
  return groups_.emplace(std::string{id}, std::move(made)).first->second.get();
}

void group_shard::answer(coordinated_group& group, group_effects& effects) {
  for (auto& [ticket, answer] : effects.joins) give(group.joins, ticket, answer);
  for (auto& [ticket, answer] : effects.syncs) give(group.syncs, ticket, answer);
}

void group_shard::tell(coordinated_group const& group, std::vector<std::string> const& notes) {
  constexpr std::size_t lines_per_second = 10;
  auto& told = services_.told;
  for (auto const& note : notes) {
    if (now() - told.since >= 1s) {
      if (told.left_out != 0) logging::info("groups", "{} lines were left out", told.left_out);
      told = {.since = now()};
    }
    if (told.lines++ >= lines_per_second) {
      ++told.left_out;
    } else {
      logging::info("groups", "group {}: {}", logging::escape(group.members.id()),
                    logging::escape(note));
    }
  }
}

void group_shard::apply(coordinated_group& group, group_effects effects) {
  answer(group, effects);
  tell(group, effects.notes);
  count(group);
  if (!effects.stores.empty()) {
    auto kept = shared(group);
    for (auto& store : effects.stores) {
      services_.tasks.spawn(store_image(shared_from_this(), kept, std::move(store)));
    }
  }
  arm(group);
}

void group_shard::count(coordinated_group& group) {
  auto const bytes = group.members.memory_bytes() + group.offsets.memory_bytes();
  services_.memory_bytes += bytes - std::exchange(group.counted_bytes, bytes);
}

bool group_shard::has_memory() const {
  if (services_.memory_bytes < services_.settings.memory_bytes) return true;
  static logging::rate_limit limit;
  if (std::uint64_t left_out = 0; limit.pass(left_out)) {
    logging::warn("groups",
                  "refused a new group: the groups of this core hold {} bytes already; raise "
                  "karst.memory.bytes, or delete groups that nobody uses",
                  services_.memory_bytes);
  }
  return false;
}

void group_shard::arm(coordinated_group& group) {
  auto at = group.members.wake_at();
  if (group.armed() && group.at == at) return;
  group.disarm();
  if (at != never) core::current().timers().arm(group, at);
}

void group_shard::tick(coordinated_group& group) {
  auto kept = shared(group);
  apply(group, group.members.tick(now(), wall_now()));
  drop_if_blank(group);
}

void group_shard::drop(coordinated_group& group) {
  group.removed = true;
  services_.memory_bytes -= std::exchange(group.counted_bytes, 0);
  group.disarm();
  group.due.unlink();
  groups_.erase(groups_.find(group.members.id()));
}

// What only ever asked for a member id, or was refused, leaves nothing behind.
void group_shard::drop_if_blank(coordinated_group& group) {
  auto const blank = group.members.state() == group_state::empty &&
                     group.members.generation() == 0 && !group.members.has_pending() &&
                     group.offsets.empty() && group.records_under_way == 0 && group.joins.empty() &&
                     !group.deleting;
  if (blank) drop(group);
}

task<> group_shard::store_image(std::shared_ptr<group_shard> self,
                                std::shared_ptr<coordinated_group> group,
                                group_effects::store store) {
  ++group->records_under_way;
  auto& services = self->services_;
  auto deadline = now() + services.settings.commit_timeout;
  auto time = wall_now();
  std::vector<record_to_store> records;
  records.push_back({group_record_key(group->members.id()), group_record_value(store.image)});
  auto error = net::error_code::none;
  auto appended = co_await append_group_records(services.partitions, self->log_, std::move(records),
                                                time, deadline);
  if (appended) {
    error =
        co_await group_records_durable(services.partitions, self->log_, appended->end, deadline);
  } else {
    error = appended.error();
  }
  record_ended(*group);
  if (group->removed) co_return;
  // A group too large for a record cannot be helped by trying again (as from Kafka).
  if (error == net::error_code::invalid_commit_offset_size) {
    error = net::error_code::unknown_server_error;
    logging::error("groups",
                   "group {} is not stored: what its members subscribe to and are assigned is "
                   "larger than a record may be; use fewer members or topics, or raise "
                   "max.message.bytes of __consumer_offsets",
                   logging::escape(group->members.id()));
  }
  self->apply(*group, group->members.stored(store.token, error, now(), wall_now()));
}

task<std::optional<group_join_answer>> group_shard::join(std::shared_ptr<group_shard> self,
                                                         std::string_view id, group_join request,
                                                         abort_source& gone) {
  using answer_type = group_join_answer;
  auto refuse = [&](net::error_code error) {
    return answer_type{.error = error, .member_id = request.member_id};
  };
  auto* found = self->find(id);
  if (found == nullptr && request.member_id.empty()) {
    if (!self->has_memory()) co_return refuse(net::error_code::group_max_size_reached);
    found = self->find_or_make(id);
  }
  if (found == nullptr) co_return refuse(net::error_code::unknown_member_id);
  if (found->deleting) co_return refuse(net::error_code::coordinator_not_available);
  auto group = self->shared(*found);
  request.fresh_uuid = random_uuid_text();
  auto ticket = self->next_ticket_++;
  coordinated_group::waiting<answer_type> waiting;
  group->joins.emplace(ticket, &waiting);
  self->apply(*group, group->members.join(std::move(request), ticket, now(), wall_now()));
  if (!waiting.answer) (void)co_await waiting.answered.wait(never, &gone);
  if (!waiting.answer) {
    group->joins.erase(ticket);
    if (!group->removed) group->members.forget(ticket);
  }
  if (!group->removed) self->drop_if_blank(*group);
  co_return std::move(waiting.answer);
}

task<std::optional<group_sync_answer>> group_shard::sync(std::shared_ptr<group_shard> self,
                                                         std::string_view id, group_sync request,
                                                         abort_source& gone) {
  auto* found = self->find(id);
  if (found == nullptr) {
    co_return group_sync_answer{.error = net::error_code::unknown_member_id};
  }
  auto group = self->shared(*found);
  auto ticket = self->next_ticket_++;
  coordinated_group::waiting<group_sync_answer> waiting;
  group->syncs.emplace(ticket, &waiting);
  self->apply(*group, group->members.sync(std::move(request), ticket, now(), wall_now()));
  if (!waiting.answer) (void)co_await waiting.answered.wait(never, &gone);
  if (!waiting.answer) {
    group->syncs.erase(ticket);
    if (!group->removed) group->members.forget(ticket);
  }
  co_return std::move(waiting.answer);
}

net::error_code group_shard::heartbeat(std::string_view id, group_claim const& claim) {
  auto* group = find(id);
  if (group == nullptr) return net::error_code::unknown_member_id;
  return group->members.heartbeat(claim.member_id, claim.instance_id, claim.generation, now());
}

std::vector<net::error_code> group_shard::leave(std::string_view id,
                                                std::vector<group_leave> const& members) {
  auto* group = find(id);
  if (group == nullptr) {
    return std::vector(members.size(), net::error_code::unknown_member_id);
  }
  group_effects effects;
  auto errors = group->members.leave(members, effects, now(), wall_now());
  apply(*group, std::move(effects));
  return errors;
}

std::optional<group_description> group_shard::describe(std::string_view id) const {
  auto const* group = find(id);
  if (group == nullptr) return std::nullopt;
  auto image = group->members.image();
  group_description description{.state = group->members.state(),
                                .protocol_type = std::move(image.protocol_type),
                                .members = std::move(image.members)};
  if (description.state == group_state::stable) {
    description.protocol = image.protocol.value_or("");
    return description;
  }
  for (auto& member : description.members) {
    member.subscription.clear();
    member.assignment.clear();
  }
  return description;
}

void group_shard::list(std::vector<listed_group>& into) const {
  for (auto const& [id, group] : groups_) {
    into.push_back({id, group->members.protocol_type(), group->members.state()});
  }
}

loaded_groups group_shard::image() const {
  loaded_groups all;
  for (auto const& [id, group] : groups_) {
    auto& each = all[id];
    if (group->members.generation() != 0) each.image = group->members.image();
    each.offsets = group->offsets;
  }
  return all;
}

void group_shard::end() {
  for (auto& [id, group] : groups_) {
    group->removed = true;
    services_.memory_bytes -= std::exchange(group->counted_bytes, 0);
    group->disarm();
    group->due.unlink();
    auto effects = group->members.end(net::error_code::not_coordinator);
    answer(*group, effects);
  }
  groups_.clear();
  state_ = state::unreadable;
}

}  // namespace karst::cluster
