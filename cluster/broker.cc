#include "cluster/broker.h"

#include "cluster/every_core.h"

namespace karst::cluster {

broker::broker(broker_identity identity, broker_config config, core_id cores,
               std::size_t fetch_session_bytes)
    : identity_(std::move(identity)), config_(std::move(config)) {
  auto slots =
      static_cast<std::size_t>(config_.number("max.incremental.fetch.session.cache.slots"));
  for (core_id core = 0; core < cores; ++core) {
    auto& made = *shards_.emplace_back(std::make_unique<shard>());
    // What does not divide goes to the first cores, so that even one slot is somewhere.
    fetch_session_limits limits{.slots = (slots + cores - 1 - core) / cores,
                                .bytes = fetch_session_bytes};
    made.fetch_sessions = std::make_unique<fetch_session_cache>(core, cores, limits);
  }
}

broker::~broker() = default;

void broker::open_groups(std::size_t memory_bytes) {
  auto& here = local();
  auto settings = make_group_settings(config_);
  settings.memory_bytes = memory_bytes;
  here.groups = std::make_unique<group_coordinator>(
      *here.partitions, here.metadata, settings,
      std::chrono::milliseconds{config_.number("offsets.retention.check.interval.ms")});
  here.groups->start();
}

void broker::set_controller(std::unique_ptr<karst::cluster::topics> topics,
                            std::unique_ptr<karst::cluster::producer_ids> producer_ids) {
  topics_ = std::move(topics);
  producer_ids_ = std::move(producer_ids);
}

std::optional<refusal> broker::no_topics_yet() const {
  if (topics_ != nullptr) return std::nullopt;
  return refusal{net::error_code::not_controller,
                 "the broker still recovers its logs; try again in a moment"};
}

task<> broker::publish(std::shared_ptr<metadata_snapshot const> snapshot) {
  co_await on_every_core(
      cores(), [this, &snapshot](core_id core) { shards_[core]->metadata.replace(snapshot); });
}

}  // namespace karst::cluster
