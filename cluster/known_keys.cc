#include "cluster/known_keys.h"

#include "cluster/broker_config.h"
#include "cluster/nearest_name.h"

namespace karst::cluster {
namespace {

// Legal in a Kafka 3.x or 4.x file and harmless to leave out: they size threads and buffers that do
// not exist here, or belong to controllers, replicas, groups, transactions and the JVM. Sorted.
constexpr std::string_view keys_without_meaning[] = {
    "add.partitions.to.txn.retry.backoff.max.ms",
    "add.partitions.to.txn.retry.backoff.ms",
    "alter.config.policy.kraft.compatibility.enable",
    "alter.log.dirs.replication.quota.window.num",
    "alter.log.dirs.replication.quota.window.size.seconds",
    "auto.include.jmx.reporter",
    "auto.leader.rebalance.enable",
    "background.threads",
    "broker.heartbeat.interval.ms",
    "broker.id.generation.enable",
    "broker.session.timeout.ms",
    "controlled.shutdown.enable",
    "controlled.shutdown.max.retries",
    "controlled.shutdown.retry.backoff.ms",
    "controller.quorum.append.linger.ms",
    "controller.quorum.auto.join.enable",
    "controller.quorum.bootstrap.servers",
    "controller.quorum.election.backoff.max.ms",
    "controller.quorum.election.timeout.ms",
    "controller.quorum.fetch.timeout.ms",
    "controller.quorum.request.timeout.ms",
    "controller.quorum.retry.backoff.ms",
    "controller.quorum.voters",
    "controller.quota.window.num",
    "controller.quota.window.size.seconds",
    "controller.socket.timeout.ms",
    "delete.records.purgatory.purge.interval.requests",
    "eligible.leader.replicas.enable",
    "fetch.purgatory.purge.interval.requests",
    "group.consumer.assignors",
    "group.consumer.heartbeat.interval.ms",
    "group.consumer.max.heartbeat.interval.ms",
    "group.consumer.max.session.timeout.ms",
    "group.consumer.max.size",
    "group.consumer.migration.policy",
    "group.consumer.min.heartbeat.interval.ms",
    "group.consumer.min.session.timeout.ms",
    "group.consumer.session.timeout.ms",
    "group.coordinator.append.linger.ms",
    "group.coordinator.new.enable",
    "group.coordinator.rebalance.protocols",
    "group.coordinator.threads",
    "initial.broker.registration.timeout.ms",
    "inter.broker.listener.name",
    "inter.broker.protocol.version",
    "kafka.metrics.polling.interval.secs",
    "kafka.metrics.reporters",
    "leader.imbalance.check.interval.seconds",
    "leader.imbalance.per.broker.percentage",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.io.buffer.size",
    "log.cleaner.threads",
    "log.dir.failure.timeout.ms",
    "log.flush.offset.checkpoint.interval.ms",
    "log.flush.start.offset.checkpoint.interval.ms",
    "log.message.downconversion.enable",
    "log.message.format.version",
    "log.message.timestamp.difference.max.ms",
    "max.request.partition.size.limit",
    "metadata.log.dir",
    "metadata.log.max.record.bytes.between.snapshots",
    "metadata.log.max.snapshot.interval.ms",
    "metadata.log.segment.bytes",
    "metadata.log.segment.ms",
    "metadata.max.idle.interval.ms",
    "metadata.max.retention.bytes",
    "metadata.max.retention.ms",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.alter.log.dirs.threads",
    "num.replica.fetchers",
    "offsets.commit.required.acks",
    "offsets.load.buffer.size",
    "offsets.topic.compression.codec",
    "producer.purgatory.purge.interval.requests",
    "queued.max.request.bytes",
    "queued.max.requests",
    "quota.window.num",
    "quota.window.size.seconds",
    "replica.fetch.backoff.ms",
    "replica.fetch.max.bytes",
    "replica.fetch.min.bytes",
    "replica.fetch.response.max.bytes",
    "replica.fetch.wait.max.ms",
    "replica.high.watermark.checkpoint.interval.ms",
    "replica.lag.time.max.ms",
    "replica.socket.receive.buffer.bytes",
    "replica.socket.timeout.ms",
    "replication.quota.window.num",
    "replication.quota.window.size.seconds",
    "request.timeout.ms",
    "reserved.broker.max.id",
    "server.max.startup.time.ms",
    "share.coordinator.append.linger.ms",
    "share.coordinator.cold.partition.snapshot.interval.ms",
    "share.coordinator.load.buffer.size",
    "share.coordinator.snapshot.update.records.per.snapshot",
    "share.coordinator.state.topic.compression.codec",
    "share.coordinator.state.topic.min.isr",
    "share.coordinator.state.topic.num.partitions",
    "share.coordinator.state.topic.prune.interval.ms",
    "share.coordinator.state.topic.replication.factor",
    "share.coordinator.state.topic.segment.bytes",
    "share.coordinator.threads",
    "share.coordinator.write.timeout.ms",
    "socket.connection.setup.timeout.max.ms",
    "socket.connection.setup.timeout.ms",
    "socket.listen.backlog.size",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
    "telemetry.max.bytes",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms",
    "transaction.max.timeout.ms",
    "transaction.partition.verification.enable",
    "transaction.remove.expired.transaction.cleanup.interval.ms",
    "transaction.state.log.load.buffer.size",
    "transaction.state.log.min.isr",
    "transaction.state.log.num.partitions",
    "transaction.state.log.replication.factor",
    "transaction.state.log.segment.bytes",
    "transactional.id.expiration.ms",
    "unclean.leader.election.interval.ms",
    "zookeeper.connection.timeout.ms",
    "zookeeper.max.in.flight.requests",
    "zookeeper.session.timeout.ms",
};

// Keys that promise what Karst does not do yet. A name that ends in '.' stands for all keys that
// begin with it.
struct refused_key {
  std::string_view name;
  std::string_view reason;
  std::string_view remedy;
};

constexpr std::string_view no_security = "Karst has no TLS, authentication or ACLs yet";
constexpr std::string_view open_listener =
    "remove it and let only trusted hosts reach the PLAINTEXT listener";
constexpr std::string_view no_zookeeper = "Karst does not join a ZooKeeper ensemble yet";
constexpr std::string_view run_alone =
    "remove it, or override it with --set, to run one node alone: that needs no ZooKeeper";
constexpr std::string_view no_foreign_code = "Karst loads no classes or providers from outside";
constexpr std::string_view remove_it = "remove it";
constexpr std::string_view no_tiers = "Karst has no tiered storage yet";
constexpr std::string_view no_such_groups = "Karst has no share or streams groups yet";

constexpr refused_key refused_keys[] = {
    {"allow.everyone.if.no.acl.found", no_security, open_listener},
    {"authorizer.class.name", no_security, open_listener},
    {"connection.failed.authentication.delay.ms", no_security, open_listener},
    {"connections.max.reauth.ms", no_security, open_listener},
    {"delegation.token.", no_security, open_listener},
    {"early.start.listeners", no_security, open_listener},
    {"listener.name.", no_security, open_listener},
    {"password.encoder.", no_security, open_listener},
    {"principal.builder.class", no_security, open_listener},
    {"sasl.", no_security, open_listener},
    {"security.", no_security, open_listener},
    {"ssl.", no_security, open_listener},
    {"super.users", no_security, open_listener},
    {"zookeeper.clientCnxnSocket", no_zookeeper, run_alone},
    {"zookeeper.connect", no_zookeeper, run_alone},
    {"zookeeper.metadata.migration.", no_zookeeper, run_alone},
    {"zookeeper.set.acl", no_zookeeper, run_alone},
    {"zookeeper.ssl.", no_zookeeper, run_alone},
    {"alter.config.policy.class.name", no_foreign_code, remove_it},
    {"client.quota.callback.class", no_foreign_code, remove_it},
    {"config.providers", no_foreign_code, remove_it},
    {"create.topic.policy.class.name", no_foreign_code, remove_it},
    {"replica.selector.class", no_foreign_code, remove_it},
    {"remote.", no_tiers, remove_it},
    {"rlmm.", no_tiers, remove_it},
    {"rsm.", no_tiers, remove_it},
    {"control.plane.listener.name", "Karst has one listener, which serves everything", remove_it},
    {"group.share.", no_such_groups, remove_it},
    {"group.streams.", no_such_groups, remove_it},
    {"max.connection.creation.rate", "Karst does not limit connections that way yet",
     "use max.connections and max.connections.per.ip"},
    {"max.connections.per.ip.overrides", "Karst does not limit connections that way yet",
     "use max.connections and max.connections.per.ip"},
    {"transaction.two.phase.commit.enable", "Karst has no transactions yet", remove_it},
    {"unstable.", "Karst offers stable versions only", remove_it},
};

bool covers(refused_key const& key, std::string_view name) {
  return key.name.ends_with('.') ? name.starts_with(key.name) : name == key.name;
}

}  // namespace

key_verdict judge_key(std::string_view name) {
  if (find_broker_config(name) != nullptr || name == "node.id")
    return {key_standing::served, {}, {}};
  if (std::ranges::binary_search(keys_without_meaning, name)) {
    return {key_standing::without_meaning, {}, {}};
  }
  for (auto const& key : refused_keys) {
    if (covers(key, name)) return {key_standing::refused, key.reason, key.remedy};
  }
  return {};
}

bool asks_for_nothing(std::string_view value) {
  return value.empty() || value == "false" || value == "none" || value == "PLAINTEXT";
}

std::string nearest_key(std::string_view name) {
  nearest_name nearest{name};
  for (auto const& definition : broker_config_definitions()) nearest.consider(definition.name);
  for (auto key : keys_without_meaning) nearest.consider(key);
  for (auto const& key : refused_keys) {
    if (!key.name.ends_with('.')) nearest.consider(key.name);
  }
  return std::string{nearest.found()};
}

}  // namespace karst::cluster
