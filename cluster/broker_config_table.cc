#include <vector>

#include "cluster/broker_config.h"
#include "cluster/topic_config.h"

namespace karst::cluster {
namespace {

constexpr double unbounded = std::numeric_limits<double>::max();
constexpr std::string_view io_backends[] = {"auto", "io_uring", "epoll"};

constexpr std::string_view space_policies[] = {"refuse", "delete-oldest"};
constexpr std::string_view process_roles[] = {"broker", "controller"};

constexpr config_definition own_keys[] = {
    {"advertised.listeners", config_type::string, std::nullopt,
     "The address that clients are told, as NAME://HOST:PORT; without it the listener's own."},
    {"auto.create.topics.enable", config_type::boolean, "true",
     "Whether a topic that a client asks for by name is created."},
    {"broker.id", config_type::int32, "-1",
     "This broker's number (node.id is the same key); -1 takes the one in meta.properties, or "
     "1001.",
     -1, unbounded},
    {"broker.rack", config_type::string, std::nullopt, "The rack that clients are told."},
    {"connections.max.idle.ms", config_type::int64, "600000",
     "How long a connection may be silent before it is closed.", -1, unbounded},
    {"controller.listener.names", config_type::list, std::nullopt,
     "KRaft's: listeners of these names belong to a controller and are not opened."},
    {"default.replication.factor", config_type::int32, "1",
     "The replication factor of topics created without one.", 1, 32767},
    {"delete.topic.enable", config_type::boolean, "true", "Whether topics may be deleted."},
    {"fetch.max.bytes", config_type::int32, "57671680",
     "The most bytes of records in one fetch answer.", 1024, unbounded},
    {"group.initial.rebalance.delay.ms", config_type::int32, "0",
     "How long the first member of an empty group waits for others. Kafka's default is 3000.", 0,
     unbounded},
    {"group.max.session.timeout.ms", config_type::int32, "1800000",
     "The longest session.timeout.ms that a group member may ask for.", 0, unbounded},
    {"group.max.size", config_type::int32, "2147483647", "The most members of a group.", 1,
     unbounded},
    {"group.min.session.timeout.ms", config_type::int32, "6000",
     "The shortest session.timeout.ms that a group member may ask for.", 0, unbounded},
    {"karst.cores", config_type::int32, "0",
     "How many cores the broker uses; 0: all that it may run on.", 0, 1024},
    {"karst.io", config_type::string, "auto",
     "How the kernel is asked: io_uring, epoll, or auto (io_uring where the kernel allows it).", 0,
     0, io_backends},
    {"karst.journal.file.bytes", config_type::int64, "67108864",
     "The size of one journal file; the largest batch is half of it.", 1048576, 4294967296.0},
    {"karst.journal.files", config_type::int32, "4",
     "How many journal files each core has, one of them in reserve.", 3, 64},
    {"karst.memory.bytes", config_type::int64, "0",
     "The memory of the whole process, divided over its cores; 0: a quarter of what the machine or "
     "container has.",
     0, unbounded},
    {"karst.space.hard.bytes", config_type::int64, "0",
     "With less free space than this in a log directory's volume, produce requests are refused; 0: "
     "512 MiB, or a twentieth of a smaller volume.",
     0, unbounded},
    {"karst.space.policy", config_type::string, "refuse",
     "What happens below the soft mark: only a warning (refuse), or the oldest segments of topics "
     "with cleanup.policy=delete are deleted before their time (delete-oldest).",
     0, 0, space_policies},
    {"karst.space.soft.percent", config_type::int32, "10",
     "The soft mark: how much of a log directory's volume should stay free; 0: no such mark.", 0,
     90},
    {"listener.security.protocol.map", config_type::string,
     "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
     "The protocol of each listener name; only PLAINTEXT is served yet."},
    {"listeners", config_type::string, "PLAINTEXT://:9092",
     "Where the broker listens, as NAME://HOST:PORT; port 0 lets the kernel choose."},
    {"log.cleaner.backoff.ms", config_type::int64, "15000",
     "How long the cleaner rests when no compacted topic is dirty enough.", 0, unbounded},
    {"log.cleaner.dedupe.buffer.size", config_type::int64, "134217728",
     "The most memory for keys while topics are compacted, divided over the cores; 24 bytes a key. "
     "At most an eighth of karst.memory.bytes is used.",
     0, unbounded},
    {"log.cleaner.enable", config_type::boolean, "true",
     "Whether topics with cleanup.policy=compact are compacted."},
    {"log.cleaner.io.max.bytes.per.second", config_type::float64, "1.7976931348623157E308",
     "The most bytes that compaction reads and writes in a second, divided over the cores.", 0,
     unbounded},
    {"log.dir", config_type::string, "karst-data", "The data directory, if log.dirs is not set."},
    {"log.dirs", config_type::string, std::nullopt,
     "The data directories, one for each disk; a new partition goes to the one with the most "
     "room."},
    {"log.retention.check.interval.ms", config_type::int64, "300000",
     "How often old segments, and producers that have expired, are looked for.", 1, unbounded},
    {"max.connections", config_type::int32, "2147483647", "The most connections at a time.", 0,
     unbounded},
    {"max.connections.per.ip", config_type::int32, "2147483647",
     "The most connections from one address at a time.", 0, unbounded},
    {"max.incremental.fetch.session.cache.slots", config_type::int32, "1000",
     "How many fetch sessions (KIP-227) are kept, divided over the cores; 0: none.", 0, unbounded},
    {"num.partitions", config_type::int32, "1", "The partitions of topics created without a count.",
     1, unbounded},
    {"offset.metadata.max.bytes", config_type::int32, "4096",
     "The most bytes that a client may store beside a committed offset.", 0, 32767},
    {"offsets.commit.timeout.ms", config_type::int32, "5000",
     "How long a commit of offsets waits for the disk.", 1, unbounded},
    {"offsets.retention.check.interval.ms", config_type::int64, "600000",
     "How often expired offsets and empty groups are looked for.", 1, unbounded},
    {"offsets.retention.minutes", config_type::int32, "10080",
     "How long the offsets of a group without members are kept.", 1, unbounded},
    {"offsets.topic.num.partitions", config_type::int32, "50",
     "The partitions of __consumer_offsets, when it is created.", 1, unbounded},
    {"offsets.topic.replication.factor", config_type::int16, "3",
     "The replication factor of __consumer_offsets, at most the number of brokers.", 1, unbounded},
    {"offsets.topic.segment.bytes", config_type::int32, "104857600",
     "The size of the segments of __consumer_offsets.", 1, unbounded},
    {"process.roles", config_type::list, "broker",
     "KRaft's: must contain broker; there is no separate controller.", 0, 0, process_roles},
    {"producer.id.expiration.ms", config_type::int32, "86400000",
     "How long a partition remembers an idempotent producer that is silent; of one partition at "
     "most 2,048, the longest silent go first.",
     1, unbounded},
    {"socket.request.max.bytes", config_type::int32, "104857600",
     "The largest request; a larger one closes the connection.", 1, unbounded},
};

// Broker keys whose unit or default is not that of the topic key for which they stand in.
constexpr config_definition default_keys[] = {
    {"log.flush.interval.ms", config_type::int64, std::nullopt,
     "Default of the topic key flush.ms; unset: log.flush.scheduler.interval.ms.", 0, unbounded},
    {"log.retention.hours", config_type::int32, "168", "Default of retention.ms, in hours.", -1,
     unbounded},
    {"log.retention.minutes", config_type::int32, std::nullopt,
     "Default of retention.ms, in minutes; unset: log.retention.hours.", -1, unbounded},
    {"log.retention.ms", config_type::int64, std::nullopt,
     "Default of retention.ms; unset: log.retention.minutes.", -1, unbounded},
    {"log.roll.hours", config_type::int32, "168", "Default of segment.ms, in hours.", 1, unbounded},
    {"log.roll.jitter.hours", config_type::int32, "0", "Default of segment.jitter.ms, in hours.", 0,
     unbounded},
    {"log.roll.jitter.ms", config_type::int64, std::nullopt,
     "Default of segment.jitter.ms; unset: log.roll.jitter.hours.", 0, unbounded},
    {"log.roll.ms", config_type::int64, std::nullopt,
     "Default of segment.ms; unset: log.roll.hours.", 1, unbounded},
};

// The other broker keys that are topic defaults look like their topic key.
std::vector<config_definition> make_definitions() {
  std::vector<config_definition> all{std::begin(own_keys), std::end(own_keys)};
  all.insert(all.end(), std::begin(default_keys), std::end(default_keys));
  for (auto const& topic : topic_config_definitions()) {
    for (auto const& synonym : topic.synonyms) {
      if (std::ranges::find(all, synonym.name, &config_definition::name) != all.end()) continue;
      auto definition = topic.definition;
      definition.name = synonym.name;
      all.push_back(definition);
    }
  }
  std::ranges::sort(all, {}, &config_definition::name);
  return all;
}

}  // namespace

std::span<config_definition const> broker_config_definitions() {
  static std::vector<config_definition> const definitions = make_definitions();
  return definitions;
}

config_definition const* find_broker_config(std::string_view name) {
  auto all = broker_config_definitions();
  auto found = std::ranges::lower_bound(all, name, {}, &config_definition::name);
  return found != all.end() && found->name == name ? &*found : nullptr;
}

}  // namespace karst::cluster
