#include "cluster/broker_life.h"

#include "cluster/every_core.h"
#include "cluster/memory_plan.h"
#include "cluster/progress_report.h"
#include "reactor/base/logging.h"

namespace karst::cluster {
namespace {

// The port of a broker that was killed is free only when the kernel has finished its last
// operations: a restart must not trip over that.
constexpr duration dying_holder_patience = 2s;
constexpr duration between_attempts = 20ms;

std::unexpected<start_failure> pass_on(start_failure failure) {
  return std::unexpected<start_failure>(std::move(failure));
}

std::size_t clamp_limit(std::int64_t value) {
  return static_cast<std::size_t>(std::max<std::int64_t>(value, 0));
}

// The network's limits: from memory, and from the keys that Kafka has for them.
net::limits network_limits(broker_options const& options) {
  auto const& config = options.config;
  auto plan = make_memory_plan(options.memory_bytes, options.cores,
                               clamp_limit(config.number("socket.request.max.bytes")));
  auto limits = plan.network;
  auto idle_ms = config.number("connections.max.idle.ms");
  // Kafka's "never" in nanoseconds would overflow: a year is as good.
  constexpr std::int64_t year_ms = 31'536'000'000;
  limits.idle = std::chrono::milliseconds{idle_ms < 0 ? year_ms : std::min(idle_ms, year_ms)};
  limits.connections = std::min(limits.connections, clamp_limit(config.number("max.connections")));
  limits.connections_per_address = std::min(limits.connections_per_address,
                                            clamp_limit(config.number("max.connections.per.ip")));
  return limits;
}

}  // namespace

struct broker_life::core_part {
  struct known_log {
    log::leader_epoch epoch;
    log::log_config config;
  };
  std::vector<log::log_id> found;          // in the directory: to be recovered
  hash_map<log::log_id, known_log> known;  // of these
  std::vector<new_partition> missing;      // in the tree only: to be created
  std::vector<log::log_id> deletions;
  expected<void, error> result;
};

broker_life::broker_life(broker_options options) : options_(std::move(options)) {}
broker_life::~broker_life() = default;

task<expected<std::unique_ptr<broker_life>, start_failure>> broker_life::start(
    broker_options options) {
  std::unique_ptr<broker_life> life{new broker_life{std::move(options)}};
  auto begun = co_await life->begin();
  if (!begun) {
    (void)co_await life->stop();
    co_return pass_on(begun.error());
  }
  co_return std::move(life);
}

task<broker_life::outcome> broker_life::begin() {
  auto found = co_await find_data_directory(options_.config);
  if (!found) co_return pass_on(found.error());
  directory_ = std::move(*found);
  facts_.directory = directory_.path;
  broker_identity identity{.id = directory_.broker_id,
                           .host = options_.listener.advertised_host,
                           .port = options_.listener.advertised_port};
  if (auto rack = options_.config.value("broker.rack")) identity.rack = std::string{*rack};
  broker_ = std::make_unique<broker>(std::move(identity), options_.config, options_.cores);
  // The port first: that it is taken is the commonest mistake, and nothing has been touched yet.
  if (auto done = co_await listen(); !done) co_return done;
  if (auto done = co_await open_storage(); !done) co_return done;
  co_return co_await recover();
}

task<expected<std::unique_ptr<net::connection_server>, error>> broker_life::open_server(
    sockaddr_storage address) {
  auto give_up = core::current().clock().now() + dying_holder_patience;
  while (true) {
    auto server = co_await net::connection_server::open(
        address, network_limits(options_),
        [this]() -> net::handler& { return *dispatchers_[core::current().id()]; });
    auto busy = !server && server.error().code == errc::address_in_use;
    if (!busy || core::current().clock().now() >= give_up) co_return std::move(server);
    (void)co_await sleep_until(core::current().now() + between_attempts);
  }
}

task<broker_life::outcome> broker_life::listen() {
  auto const& listener = options_.listener;
  auto host = listener.host.empty() || listener.host == "*" ? std::string{"::"} : listener.host;
  auto address = resolve_address(host, listener.port);
  if (!address) co_return cannot_start(exit_status::address_unavailable, address.error());
  for (core_id core = 0; core < options_.cores; ++core) {
    dispatchers_.push_back(std::make_unique<dispatcher>(*broker_));
  }
  auto server = co_await open_server(*address);
  if (!server && host == "::" && server.error().code != errc::address_in_use) {
    // A host without IPv6.
    address = resolve_address("0.0.0.0", listener.port);
    if (address) server = co_await open_server(*address);
  }
  if (!server) co_return cannot_start(server.error());
  server_ = std::move(*server);
  auto& identity = broker_->identity_;
  if (identity.port == 0) identity.port = server_->port();
  auto shown = listener.host.contains(':') ? "[" + listener.host + "]" : listener.host;
  facts_.listening_on = fmt::format("{}:{}", shown.empty() ? "*" : shown, server_->port());
  co_return outcome{};
}

task<broker_life::outcome> broker_life::open_storage() {
  auto const& config = options_.config;
  auto plan = make_memory_plan(options_.memory_bytes, options_.cores,
                               clamp_limit(config.number("socket.request.max.bytes")));
  auto logs = co_await log::log_directory::open(
      {.path = directory_.path,
       .cores = options_.cores,
       .journal_file_bytes = static_cast<std::uint64_t>(config.number("karst.journal.file.bytes")),
       .journal_files = static_cast<std::uint32_t>(config.number("karst.journal.files")),
       .memory_bytes = plan.log_bytes,
       .descriptors = options_.descriptors,
       .retention_interval =
           std::chrono::milliseconds{config.number("log.retention.check.interval.ms")},
       .producer_expiration_ms = config.number("producer.id.expiration.ms")});
  if (!logs) co_return cannot_start(logs.error());
  logs_ = std::move(*logs);
  auto tree = co_await local_coordination::open(directory_.path);
  if (!tree) co_return cannot_start(tree.error());
  tree_ = std::move(*tree);
  auto stored = co_await begin_term(*tree_, directory_.broker_id);
  if (!stored) co_return cannot_start(stored.error());
  stored_ = std::move(*stored);
  if (auto same = check_cluster_id(directory_, stored_.cluster_id); !same) co_return same;
  broker_->identity_.cluster_id = stored_.cluster_id;
  meta_properties meta{.broker_id = directory_.broker_id, .cluster_id = stored_.cluster_id};
  auto const& before = directory_.meta;
  if (!before || before->broker_id != meta.broker_id || before->cluster_id != meta.cluster_id) {
    auto written = co_await write_meta_properties(directory_.path, meta);
    if (!written) co_return cannot_start(written.error());
  }
  co_return outcome{};
}

void broker_life::add_logs(topic_metadata& topic, bool deleting) {
  auto config = make_log_config(options_.config, topic.overrides);
  auto& clock = core::current().clock();
  auto all = logs_->report().logs.size();
  auto most = (all + options_.cores - 1) / options_.cores;
  for (auto& partition : topic.partitions) {
    auto is_it = [&](log::found_log const& found) {
      return found.topic_id == topic.id && found.partition == partition.index;
    };
    auto const& found_logs = found_by_topic_[topic.id];
    auto found = std::ranges::find_if(found_logs, is_it);
    if (found == found_logs.end() && deleting) continue;
    if (found != found_logs.end()) {
      partition.core = placement_->place_near(found->last_core, most);
      partition.log = found->id;
      parts_[partition.core]->found.push_back(partition.log);
      parts_[partition.core]->known[partition.log] = {partition.leader_epoch, config};
    } else if (!logs_->report().damage.empty()) {
      // Never begun anew while its records may lie in what cannot be read.
      logging::error("broker", "{}-{} is offline: its log is not found in {}, and {}", topic.name,
                     partition.index, directory_.path, logs_->report().damage);
      partition.core = placement_->place();
      continue;
    } else {
      logging::warn("broker", "the log of {}-{} is not in {}: it begins empty", topic.name,
                    partition.index, directory_.path);
      partition.core = placement_->place();
      partition.log = log::log_id{clock.random()};
      parts_[partition.core]->missing.push_back({.log = partition.log,
                                                 .topic = topic.name,
                                                 .index = partition.index,
                                                 .topic_id = topic.id,
                                                 .epoch = partition.leader_epoch,
                                                 .config = config});
    }
    if (deleting) parts_[partition.core]->deletions.push_back(partition.log);
  }
}

void broker_life::place_logs() {
  placement_ = std::make_unique<placement>(options_.cores);
  for (core_id core = 0; core < options_.cores; ++core) {
    parts_.push_back(std::make_unique<core_part>());
  }
  for (auto const& found : logs_->report().logs) found_by_topic_[found.topic_id].push_back(found);
  for (auto& topic : stored_.topics) add_logs(topic, false);
  for (auto& topic : stored_.deletions) add_logs(topic, true);
}

task<> broker_life::start_core(core_id core) {
  auto manager = co_await log::log_manager::start(*logs_);
  if (!manager) {
    parts_[core]->result = unexpected<error>(manager.error());
    co_return;
  }
  broker_->local().partitions = std::make_unique<partition_manager>(std::move(*manager));
}

// Each log is served from the moment in which it is ready.
task<> broker_life::recover_core(core_id core) {
  auto& part = *parts_[core];
  auto& partitions = *broker_->local().partitions;
  auto adopt = [&part, &partitions](log::partition_log& log) {
    auto const& known = part.known.at(log.id());
    partitions.adopt(log, known.epoch, known.config);
  };
  part.result =
      co_await partitions.logs().recover(part.found, adopt, progress_report("recovering logs"));
  if (part.result) part.result = co_await partitions.create_all(std::move(part.missing));
  if (part.result) part.result = co_await partitions.remove_all(part.deletions);
}

broker_life::outcome broker_life::check_batch_limit() const {
  auto most = static_cast<std::int64_t>(broker_->partitions().logs().max_batch_bytes());
  auto wanted = options_.config.number("message.max.bytes");
  // With a journal too small for the default, larger batches are refused one by one.
  if (wanted <= most || options_.config.set_value("message.max.bytes") == nullptr) return {};
  return cannot_start(
      exit_status::bad_configuration,
      error{errc::invalid,
            fmt::format("message.max.bytes={} is more than half a journal file holds, {}", wanted,
                        most),
            fmt::format("set karst.journal.file.bytes to {} or more", 2 * wanted + 32 * 1024)});
}

broker_life::outcome broker_life::outcome_of_cores() const {
  for (auto const& part : parts_) {
    if (!part->result) return cannot_start(part->result.error());
  }
  return {};
}

// Connections are served from the middle of it on: what is not ready yet answers that it has no
// leader here, which clients try again, and topics are neither made nor deleted before the end.
task<broker_life::outcome> broker_life::recover() {
  place_logs();
  co_await on_every_core(options_.cores, [this](core_id core) { return start_core(core); });
  if (auto started = outcome_of_cores(); !started) co_return started;
  if (auto fits = check_batch_limit(); !fits) co_return fits;
  broker_->producer_ids_ = std::make_unique<producer_ids>(*tree_, directory_.broker_id);
  co_await publish_topics();
  server_->start();
  co_await on_every_core(options_.cores, [this](core_id core) { return recover_core(core); });
  if (auto recovered = outcome_of_cores(); !recovered) co_return recovered;
  auto finished = co_await logs_->finish_recovery();
  if (!finished) co_return cannot_start(finished.error());
  facts_.logs = logs_->report();
  auto controller =
      std::make_unique<topics>(*broker_, *tree_, *placement_, stored_.controller_epoch);
  if (auto done = co_await complete_deletions(*controller); !done) co_return done;
  broker_->topics_ = std::move(controller);
  stored_ = {};
  parts_.clear();
  found_by_topic_.clear();
  co_return outcome{};
}

task<broker_life::outcome> broker_life::complete_deletions(topics& controller) {
  for (auto const& topic : stored_.deletions) {
    auto removed = co_await controller.complete_removal(topic);
    if (!removed) {
      co_return cannot_start(error{errc::io_error,
                                   fmt::format("cannot complete the deletion of topic {}: {}",
                                               topic.name, removed.error().message),
                                   "check the disk of the data directory"});
    }
    logging::info("broker", "completed the deletion of topic {}", topic.name);
  }
  co_return outcome{};
}

task<> broker_life::publish_topics() {
  auto snapshot = std::make_shared<metadata_snapshot>();
  auto const& identity = broker_->identity();
  snapshot->version = 1;
  snapshot->cluster_id = identity.cluster_id;
  snapshot->controller_id = identity.id;
  snapshot->brokers.push_back({identity.id, identity.host, identity.port, identity.rack});
  for (auto& topic : stored_.topics) {
    facts_.partitions += topic.partitions.size();
    auto shared = std::make_shared<topic_metadata const>(std::move(topic));
    snapshot->topics[shared->name] = shared;
    snapshot->topics_by_id[shared->id] = shared;
  }
  facts_.topics = snapshot->topics.size();
  co_await broker_->publish(std::move(snapshot));
}

task<expected<void, error>> broker_life::close_storage() {
  std::vector<expected<void, error>> outcomes(options_.cores);
  if (broker_) {
    co_await on_every_core(options_.cores, [this, &outcomes](core_id core) -> task<> {
      return close_core(core, outcomes[core]);
    });
  }
  expected<void, error> result;
  for (auto const& outcome : outcomes) {
    if (!outcome && result) result = outcome;
  }
  if (logs_) {
    auto closed = co_await logs_->close();
    if (result) result = closed;
  }
  if (tree_) co_await tree_->close();
  co_return result;
}

task<> broker_life::close_core(core_id core, expected<void, error>& result) {
  auto& shard = *broker_->shards_[core];
  if (shard.partitions) {
    result = co_await shard.partitions->close(progress_report("closing logs"));
    shard.partitions.reset();
  }
}

task<expected<void, error>> broker_life::stop() {
  if (server_) co_await server_->stop();
  if (broker_ && broker_->topics_) co_await broker_->topics_->close();
  co_return co_await close_storage();
}

}  // namespace karst::cluster
