#include "cluster/group_coordinator.h"

#include "reactor/base/logging.h"
#include "reactor/core.h"

namespace karst::cluster {
namespace {

// Loads of one core at the same time: one reads while another computes.
constexpr std::size_t loads_at_once = 2;

// Loads that took longer are told about: groups were not served meanwhile.
constexpr duration worth_a_line = 1s;

}  // namespace

group_settings make_group_settings(broker_config const& config) {
  constexpr std::int64_t ms_per_minute = 60'000;
  auto integer = [&config](char const* key) {
    return static_cast<std::int32_t>(config.number(key));
  };
  return {
      .rules = {.min_session_timeout_ms = integer("group.min.session.timeout.ms"),
                .max_session_timeout_ms = integer("group.max.session.timeout.ms"),
                .max_size = integer("group.max.size"),
                .initial_rebalance_delay_ms = integer("group.initial.rebalance.delay.ms")},
      .metadata_bytes_max = static_cast<std::size_t>(config.number("offset.metadata.max.bytes")),
      .commit_timeout = std::chrono::milliseconds{config.number("offsets.commit.timeout.ms")},
      .retention_ms = config.number("offsets.retention.minutes") * ms_per_minute};
}

group_coordinator::group_coordinator(partition_manager& partitions, metadata_cache& metadata,
                                     group_settings settings, duration expiry_interval)
    : services_{.partitions = partitions, .settings = settings},
      metadata_(metadata),
      expiry_interval_(expiry_interval),
      loads_(loads_at_once) {}

group_coordinator::~group_coordinator() = default;

void group_coordinator::start() {
  services_.tasks.spawn(run_timers());
  services_.tasks.spawn(run_expiry());
}

void group_coordinator::load_all() {
  auto snapshot = metadata_.current();
  auto const* topic = snapshot->find(offsets_topic);
  if (topic == nullptr) return;
  for (auto const& each : topic->partitions) {
    if (each.core != core::current().id() || each.offline) continue;
    (void)find({each.core, each.index, each.log});
  }
}

std::shared_ptr<group_shard> group_coordinator::find(group_place const& place) {
  if (services_.stopping.requested()) return nullptr;
  auto known = shards_.find(place.partition);
  if (known != shards_.end() && known->second->log() == place.log) return known->second;
  if (services_.partitions.find(place.log) == nullptr) return nullptr;
  // The topic was deleted and made again.
  if (known != shards_.end()) known->second->end();
  auto shard = std::make_shared<group_shard>(services_, place.log);
  shards_[place.partition] = shard;
  services_.tasks.spawn(load(*this, shard));
  return shard;
}

task<> group_coordinator::load(group_coordinator& self, std::shared_ptr<group_shard> shard) {
  if (self.loading_++ == 0) self.loading_since_ = core::current().now();
  (void)co_await self.loads_.take(1);
  auto exists = [&self](std::string_view topic) {
    return self.metadata_.current()->find(topic) != nullptr;
  };
  co_await group_shard::load(shard, exists);
  self.loads_.give(1);
  if (--self.loading_ != 0) co_return;
  auto const took = core::current().now() - self.loading_since_;
  auto const records = std::exchange(self.services_.replayed, 0);
  if (took < worth_a_line) co_return;
  logging::info("groups", "replayed {} records of {} in {} ms", records, offsets_topic,
                std::chrono::duration_cast<std::chrono::milliseconds>(took).count());
}

task<> group_coordinator::loaded(group_place place, time_point deadline) {
  auto shard = find(place);
  if (shard != nullptr) (void)co_await shard->load_ended().wait(deadline, &services_.stopping);
}

std::vector<listed_group> group_coordinator::list() const {
  std::vector<listed_group> all;
  for (auto const& [partition, shard] : shards_) shard->list(all);
  return all;
}

net::error_code group_coordinator::status() const {
  for (auto const& [partition, shard] : shards_) {
    if (shard->status() == net::error_code::coordinator_load_in_progress) return shard->status();
  }
  return net::error_code::none;
}

group_shard const* group_coordinator::shard(std::int32_t partition) const {
  auto found = shards_.find(partition);
  return found == shards_.end() || !found->second->loaded() ? nullptr : found->second.get();
}

task<> group_coordinator::forget_topic(std::string topic) {
  auto chosen = [&topic](std::string_view other) { return other == topic; };
  auto shards = shards_;
  for (auto const& [partition, shard] : shards) co_await group_shard::forget_topics(shard, chosen);
}

// Timers make their groups due, and this ticks them: nothing runs inside a timer.
task<> group_coordinator::run_timers() {
  while (co_await services_.timer_fired.wait(never, &services_.stopping) ==
         wake_reason::signalled) {
    services_.timer_fired.reset();
    while (auto* due = services_.due.pop_front()) due->owner->shard.tick(*due->owner);
  }
}

task<> group_coordinator::run_expiry() {
  while (co_await sleep_until(core::current().now() + expiry_interval_, &services_.stopping) !=
         wake_reason::aborted) {
    auto shards = shards_;
    for (auto const& [partition, shard] : shards) co_await group_shard::expire(shard);
  }
}

task<> group_coordinator::close() {
  services_.stopping.request();
  for (auto const& [partition, shard] : shards_) shard->end();
  co_await services_.tasks.join();
  shards_.clear();
}

}  // namespace karst::cluster
