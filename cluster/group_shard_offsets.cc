// The offsets of a group_shard: commits, deletions, expiry.
#include "cluster/group_shard.h"
#include "reactor/base/logging.h"
#include "reactor/core.h"

namespace karst::cluster {
namespace {

// Records of one batch of deletions: far below what any topic's max.message.bytes may be.
constexpr std::size_t deletions_per_batch = 500;

time_point now() { return core::current().now(); }
wall_ms wall_now() { return core::current().clock().wall_now(); }

}  // namespace

// Outlives the request that waits for it: what is on its way to the disk becomes true even when
// its client was told that it took too long.
struct group_shard::commit_under_way {
  event done;
  net::error_code error = net::error_code::none;
};

task<net::error_code> group_shard::commit(std::shared_ptr<group_shard> self, std::string_view id,
                                          group_claim claim,
                                          std::vector<offset_to_commit> offsets) {
  auto* found = self->find(id);
  if (found == nullptr) {
    // Not by a member: an offset store without group management.
    if (claim.generation >= 0) co_return net::error_code::illegal_generation;
    if (!self->has_memory()) co_return net::error_code::coordinator_not_available;
    found = self->find_or_make(id);
  }
  if (found->deleting) co_return net::error_code::coordinator_not_available;
  auto group = self->shared(*found);
  auto error =
      group->members.check_commit(claim.member_id, claim.instance_id, claim.generation, now());
  if (error != net::error_code::none || offsets.empty()) {
    self->drop_if_blank(*group);
    co_return error;
  }
  auto deadline = now() + self->services_.settings.commit_timeout;
  auto outcome = std::make_shared<commit_under_way>();
  self->services_.tasks.spawn(store_commit(self, group, std::move(offsets), outcome));
  if (co_await outcome->done.wait(deadline) == wake_reason::timed_out) {
    co_return net::error_code::coordinator_not_available;
  }
  co_return outcome->error;
}

task<> group_shard::store_commit(std::shared_ptr<group_shard> self,
                                 std::shared_ptr<coordinated_group> group,
                                 std::vector<offset_to_commit> offsets,
                                 std::shared_ptr<commit_under_way> outcome) {
  ++group->records_under_way;
  auto& services = self->services_;
  std::vector<record_to_store> records;
  records.reserve(offsets.size());
  for (auto const& each : offsets) {
    records.push_back(
        {offset_record_key(group->members.id(), each.where.topic, each.where.partition),
         offset_record_value(each.value)});
  }
  auto deadline = now() + services.settings.commit_timeout;
  auto appended = co_await append_group_records(services.partitions, self->log_, std::move(records),
                                                wall_now(), deadline);
  if (!appended) {
    outcome->error = appended.error();
  } else {
    outcome->error =
        co_await group_records_durable(services.partitions, self->log_, appended->end, never);
  }
  record_ended(*group);
  if (!group->removed) {
    if (outcome->error == net::error_code::none) {
      auto at = appended->first;
      for (auto& each : offsets) {
        group->offsets.put(each.where.topic, each.where.partition, std::move(each.value), at);
        at = at + 1;
      }
    }
    if (group->records_under_way == 0) group->offsets.forget_deleted();
    self->count(*group);
    self->drop_if_blank(*group);
  }
  outcome->done.set();
}

void group_shard::record_ended(coordinated_group& group) {
  if (--group.records_under_way != 0) return;
  group.settled.wake_all();
}

group_offsets const* group_shard::offsets(std::string_view id) const {
  auto const* group = find(id);
  return group == nullptr ? nullptr : &group->offsets;
}

// Deletes these offsets, and with `group_too` the group's own record in the last batch.
task<net::error_code> group_shard::delete_records(std::shared_ptr<group_shard> self,
                                                  std::shared_ptr<coordinated_group> group,
                                                  std::vector<offset_place> places,
                                                  bool group_too) {
  ++group->records_under_way;
  auto& services = self->services_;
  auto error = net::error_code::none;
  for (std::size_t from = 0; error == net::error_code::none;) {
    auto until = std::min(places.size(), from + deletions_per_batch);
    std::vector<record_to_store> records;
    for (auto i = from; i < until; ++i) {
      records.push_back(
          {offset_record_key(group->members.id(), places[i].topic, places[i].partition), {}});
    }
    auto const last = until == places.size();
    if (last && group_too) records.push_back({group_record_key(group->members.id()), {}});
    if (records.empty()) break;
    auto deadline = now() + services.settings.commit_timeout;
    auto appended = co_await append_group_records(services.partitions, self->log_,
                                                  std::move(records), wall_now(), deadline);
    error = appended ? co_await group_records_durable(services.partitions, self->log_,
                                                      appended->end, never)
                     : appended.error();
    if (error != net::error_code::none) break;
    auto at = appended->first;
    for (; from < until; ++from, at = at + 1) {
      group->offsets.remove(places[from].topic, places[from].partition, at);
    }
    if (last) break;
  }
  record_ended(*group);
  if (group->records_under_way == 0) group->offsets.forget_deleted();
  if (!group->removed) self->count(*group);
  co_return error;
}

task<deleted_offsets> group_shard::delete_offsets(std::shared_ptr<group_shard> self,
                                                  std::string_view id,
                                                  std::vector<offset_place> partitions) {
  deleted_offsets result;
  result.partitions.resize(partitions.size(), net::error_code::none);
  auto* found = self->find(id);
  if (found == nullptr || found->deleting) {
    result.error = net::error_code::group_id_not_found;
    co_return result;
  }
  auto group = self->shared(*found);
  auto const empty = group->members.state() == group_state::empty;
  if (!empty && group->members.protocol_type() != "consumer") {
    result.error = net::error_code::non_empty_group;
    co_return result;
  }
  auto subscribed = group->members.subscribed_topics();
  std::vector<offset_place> places;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    auto const& each = partitions[i];
    auto const in_use =
        !empty && (!subscribed || std::ranges::find(*subscribed, each.topic) != subscribed->end());
    if (in_use) {
      result.partitions[i] = net::error_code::group_subscribed_to_topic;
    } else if (group->offsets.find(each.topic, each.partition) != nullptr) {
      places.push_back(each);
    }
  }
  result.error = co_await delete_records(self, group, std::move(places), false);
  co_await remove_if_done(self, group);
  co_return result;
}

task<net::error_code> group_shard::remove(std::shared_ptr<group_shard> self, std::string id) {
  auto* found = self->find(id);
  if (found == nullptr || found->deleting) co_return net::error_code::group_id_not_found;
  if (found->members.state() != group_state::empty) co_return net::error_code::non_empty_group;
  auto group = self->shared(*found);
  // What was begun before becomes known first, so that it is deleted too.
  group->deleting = true;
  while (group->records_under_way != 0) (void)co_await group->settled.wait();
  std::vector<offset_place> places;
  group->offsets.for_each([&](std::string const& topic, std::int32_t partition, auto const&) {
    places.push_back({topic, partition});
  });
  auto error = co_await delete_records(self, group, std::move(places), true);
  group->deleting = false;
  if (error != net::error_code::none || group->removed) co_return error;
  auto effects = group->members.end(net::error_code::unknown_member_id);
  self->answer(*group, effects);
  self->drop(*group);
  co_return net::error_code::none;
}

// Offsets of a group with members never expire; of an empty one, from the moment when it became
// empty; of one that never had members, from their commit (KIP-211).
std::vector<offset_place> group_shard::expired_offsets(coordinated_group const& group,
                                                       wall_ms now) const {
  std::vector<offset_place> expired;
  if (group.members.state() != group_state::empty) return expired;
  auto const retention = services_.settings.retention_ms;
  auto const emptied = group.members.protocol_type().empty() ? -1 : group.members.state_timestamp();
  group.offsets.for_each(
      [&](std::string const& topic, std::int32_t partition, committed_offset const& each) {
        auto const from = emptied >= 0 ? emptied : each.commit_timestamp;
        auto const due =
            each.expire_timestamp >= 0 ? now >= each.expire_timestamp : now - from >= retention;
        if (due) expired.push_back({topic, partition});
      });
  return expired;
}

// Nobody is in it, and nothing is kept for anyone: `offsets` of them go anyhow.
bool group_shard::is_done(coordinated_group const& group, std::size_t offsets) {
  return group.members.state() == group_state::empty && !group.members.has_pending() &&
         group.joins.empty() && group.records_under_way == 0 && group.offsets.size() == offsets;
}

task<> group_shard::remove_if_done(std::shared_ptr<group_shard> self,
                                   std::shared_ptr<coordinated_group> group) {
  if (group->removed || !is_done(*group, 0)) co_return;
  (void)co_await remove(self, group->members.id());
}

task<> group_shard::expire(std::shared_ptr<group_shard> self) {
  if (!self->loaded()) co_return;
  std::vector<std::shared_ptr<coordinated_group>> all;
  for (auto const& [id, group] : self->groups_) all.push_back(group);
  std::size_t offsets = 0;
  std::size_t groups = 0;
  for (auto& group : all) {
    if (self->services_.stopping.requested()) co_return;
    if (group->removed || group->deleting || group->records_under_way != 0) continue;
    auto expired = self->expired_offsets(*group, wall_now());
    auto const count = expired.size();
    auto const done = is_done(*group, count);
    if (expired.empty() && !done) continue;
    auto error = net::error_code::none;
    if (done) {
      error = co_await remove(self, group->members.id());
    } else {
      error = co_await delete_records(self, group, std::move(expired), false);
    }
    if (error != net::error_code::none) continue;
    offsets += count;
    groups += done ? 1 : 0;
  }
  if (offsets + groups != 0) {
    logging::info("groups", "{} committed offsets have expired, {} empty groups are gone", offsets,
                  groups);
  }
}

task<> group_shard::forget_topics(std::shared_ptr<group_shard> self, topic_choice chosen) {
  if (!self->loaded()) co_return;
  std::vector<std::shared_ptr<coordinated_group>> all;
  for (auto const& [id, group] : self->groups_) all.push_back(group);
  for (auto& group : all) {
    if (group->removed) continue;
    std::vector<offset_place> places;
    group->offsets.for_each([&](std::string const& topic, std::int32_t partition, auto const&) {
      if (chosen(topic)) places.push_back({topic, partition});
    });
    if (places.empty()) continue;
    (void)co_await delete_records(self, group, std::move(places), false);
    co_await remove_if_done(self, group);
  }
}

}  // namespace karst::cluster
