#include "cluster/topic_config.h"

namespace karst::cluster {
namespace {

constexpr double unbounded = std::numeric_limits<double>::max();
constexpr std::string_view longest = "9223372036854775807";

constexpr std::string_view cleanup_policies[] = {"delete", "compact"};
constexpr std::string_view compression_types[] = {"producer", "uncompressed", "gzip",
                                                  "snappy",   "lz4",          "zstd"};
constexpr std::string_view timestamp_types[] = {"CreateTime", "LogAppendTime"};

// Broker keys in the order in which they decide (kafka LogConfig.extractLogConfigMap,
// ServerTopicConfigSynonyms). Units other than the topic key's are multiplied out.
constexpr broker_synonym cleanup_policy_keys[] = {{"log.cleanup.policy"}};
constexpr broker_synonym gzip_level_keys[] = {{"compression.gzip.level"}};
constexpr broker_synonym lz4_level_keys[] = {{"compression.lz4.level"}};
constexpr broker_synonym compression_type_keys[] = {{"compression.type"}};
constexpr broker_synonym zstd_level_keys[] = {{"compression.zstd.level"}};
constexpr broker_synonym delete_retention_keys[] = {{"log.cleaner.delete.retention.ms"}};
constexpr broker_synonym file_delete_keys[] = {{"log.segment.delete.delay.ms"}};
constexpr broker_synonym flush_messages_keys[] = {{"log.flush.interval.messages"}};
constexpr broker_synonym flush_ms_keys[] = {{"log.flush.interval.ms"},
                                            {"log.flush.scheduler.interval.ms"}};
constexpr broker_synonym index_interval_keys[] = {{"log.index.interval.bytes"}};
constexpr broker_synonym local_bytes_keys[] = {{"log.local.retention.bytes"}};
constexpr broker_synonym local_ms_keys[] = {{"log.local.retention.ms"}};
constexpr broker_synonym max_compaction_keys[] = {{"log.cleaner.max.compaction.lag.ms"}};
constexpr broker_synonym max_message_keys[] = {{"message.max.bytes"}};
constexpr broker_synonym after_max_keys[] = {{"log.message.timestamp.after.max.ms"}};
constexpr broker_synonym before_max_keys[] = {{"log.message.timestamp.before.max.ms"}};
constexpr broker_synonym timestamp_type_keys[] = {{"log.message.timestamp.type"}};
constexpr broker_synonym dirty_ratio_keys[] = {{"log.cleaner.min.cleanable.ratio"}};
constexpr broker_synonym min_compaction_keys[] = {{"log.cleaner.min.compaction.lag.ms"}};
constexpr broker_synonym min_insync_keys[] = {{"min.insync.replicas"}};
constexpr broker_synonym preallocate_keys[] = {{"log.preallocate"}};
constexpr broker_synonym retention_bytes_keys[] = {{"log.retention.bytes"}};
constexpr broker_synonym retention_ms_keys[] = {
    {"log.retention.ms"}, {"log.retention.minutes", 60'000}, {"log.retention.hours", 3'600'000}};
constexpr broker_synonym segment_bytes_keys[] = {{"log.segment.bytes"}};
constexpr broker_synonym segment_index_keys[] = {{"log.index.size.max.bytes"}};
constexpr broker_synonym segment_jitter_keys[] = {{"log.roll.jitter.ms"},
                                                  {"log.roll.jitter.hours", 3'600'000}};
constexpr broker_synonym segment_ms_keys[] = {{"log.roll.ms"}, {"log.roll.hours", 3'600'000}};
constexpr broker_synonym unclean_keys[] = {{"unclean.leader.election.enable"}};

constexpr topic_config_definition table[] = {
    {{"cleanup.policy", config_type::list, "delete",
      "What happens to old records: delete removes old segments by retention time and size, "
      "compact "
      "keeps the latest record of each key, compact,delete does both.",
      0, 0, cleanup_policies},
     cleanup_policy_keys},
    {{"compression.gzip.level", config_type::int32, "-1",
      "The level used when compression.type is gzip: 1 to 9, or -1 for gzip's default.", -1, 9},
     gzip_level_keys},
    {{"compression.lz4.level", config_type::int32, "9",
      "The level used when compression.type is lz4.", 1, 17},
     lz4_level_keys},
    {{"compression.type", config_type::string, "producer",
      "How batches are stored: producer keeps them as they came, uncompressed or a codec makes the "
      "broker rewrite those that differ.",
      0, 0, compression_types},
     compression_type_keys},
    {{"compression.zstd.level", config_type::int32, "3",
      "The level used when compression.type is zstd.", -131072, 22},
     zstd_level_keys},
    {{"delete.retention.ms", config_type::int64, "86400000",
      "How long tombstones stay readable in a compacted topic.", 0, unbounded},
     delete_retention_keys},
    {{"file.delete.delay.ms", config_type::int64, "60000",
      "Accepted, without meaning here: deleted files lose their names at once, and their blocks "
      "little by little.",
      0, unbounded},
     file_delete_keys},
    {{"flush.messages", config_type::int64, "1",
      "1: an acknowledgement means that the records are on the disk. A larger value acknowledges "
      "records in memory; they are written at once all the same, and a power cut may lose the "
      "last.",
      1, unbounded},
     flush_messages_keys},
    {{"flush.ms", config_type::int64, longest,
      "Accepted, without meaning here: records are written at once, whatever flush.messages is.", 0,
      unbounded},
     flush_ms_keys},
    {{"follower.replication.throttled.replicas", config_type::list, "",
      "Followers whose replication is throttled: partition:broker pairs, or *."},
     {}},
    {{"index.interval.bytes", config_type::int32, "4096",
      "About how many bytes of records lie between two entries of the offset index.", 0, unbounded},
     index_interval_keys},
    {{"leader.replication.throttled.replicas", config_type::list, "",
      "Leaders whose replication is throttled: partition:broker pairs, or *."},
     {}},
    {{"local.retention.bytes", config_type::int64, "-2",
      "Tiered storage: bytes kept locally; -2 is retention.bytes.", -2, unbounded},
     local_bytes_keys},
    {{"local.retention.ms", config_type::int64, "-2",
      "Tiered storage: time kept locally; -2 is retention.ms.", -2, unbounded},
     local_ms_keys},
    {{"max.compaction.lag.ms", config_type::int64, longest,
      "The longest time that a record of a compacted topic stays uncompacted.", 1, unbounded},
     max_compaction_keys},
    {{"max.message.bytes", config_type::int32, "1048588",
      "The largest record batch accepted, as it is stored (compressed).", 0, unbounded},
     max_message_keys},
    {{"message.downconversion.enable", config_type::boolean, "true",
      "Kafka 3 only: no meaning here, records are never converted to an older format."},
     {}},
    {{"message.format.version", config_type::string, "3.0-IV1",
      "Kafka 3 only: no meaning here, records are always in format 2."},
     {}},
    {{"message.timestamp.after.max.ms", config_type::int64, longest,
      "How far a record's timestamp may lie in the future.", 0, unbounded},
     after_max_keys},
    {{"message.timestamp.before.max.ms", config_type::int64, longest,
      "How far a record's timestamp may lie in the past.", 0, unbounded},
     before_max_keys},
    {{"message.timestamp.difference.max.ms", config_type::int64, longest,
      "Kafka 3 only and deprecated there: use message.timestamp.before.max.ms and "
      "message.timestamp.after.max.ms.",
      0, unbounded},
     {}},
    {{"message.timestamp.type", config_type::string, "CreateTime",
      "Whether records keep the producer's time (CreateTime) or get the broker's (LogAppendTime).",
      0, 0, timestamp_types},
     timestamp_type_keys},
    {{"min.cleanable.dirty.ratio", config_type::float64, "0.5",
      "The uncompacted share of a compacted topic at which it is compacted.", 0, 1},
     dirty_ratio_keys},
    {{"min.compaction.lag.ms", config_type::int64, "0",
      "The shortest time that a record of a compacted topic stays uncompacted.", 0, unbounded},
     min_compaction_keys},
    {{"min.insync.replicas", config_type::int32, "1",
      "How many replicas must have a record before acks=all is answered.", 1, unbounded},
     min_insync_keys},
    {{"preallocate", config_type::boolean, "false",
      "Whether a new segment file gets its full size at once; Karst preallocates in growing steps "
      "either way."},
     preallocate_keys},
    {{"remote.log.copy.disable", config_type::boolean, "false",
      "Tiered storage: whether copying to the remote store is off."},
     {}},
    {{"remote.log.delete.on.disable", config_type::boolean, "false",
      "Tiered storage: whether remote data goes when tiering is switched off."},
     {}},
    {{"remote.storage.enable", config_type::boolean, "false",
      "Whether old segments move to a remote store (not available yet)."},
     {}},
    {{"retention.bytes", config_type::int64, "-1",
      "How many bytes a partition keeps before its oldest segments are deleted; -1: no limit.", -1,
      unbounded},
     retention_bytes_keys},
    {{"retention.ms", config_type::int64, "604800000",
      "How long records are kept before their segments are deleted; -1: for ever.", -1, unbounded},
     retention_ms_keys},
    // Kafka 3.9's lower bound; Kafka 4 asks for 1 MiB.
    {{"segment.bytes", config_type::int32, "1073741824",
      "The size at which a new segment file is begun.", 14, unbounded},
     segment_bytes_keys},
    {{"segment.index.bytes", config_type::int32, "10485760",
      "The largest size of a segment's offset index.", 4, unbounded},
     segment_index_keys},
    {{"segment.jitter.ms", config_type::int64, "0",
      "A random part of this is taken off segment.ms, so that segments do not roll together.", 0,
      unbounded},
     segment_jitter_keys},
    {{"segment.ms", config_type::int64, "604800000",
      "The age at which a new segment file is begun even if the old one is not full.", 1,
      unbounded},
     segment_ms_keys},
    {{"unclean.leader.election.enable", config_type::boolean, "false",
      "Whether a replica that is not in sync may become leader as a last resort, losing records."},
     unclean_keys},
};

}  // namespace

std::span<topic_config_definition const> topic_config_definitions() { return table; }

topic_config_definition const* find_topic_config(std::string_view name) {
  auto found = std::ranges::lower_bound(
      table, name, {}, [](topic_config_definition const& entry) { return entry.definition.name; });
  return found != std::end(table) && found->definition.name == name ? found : nullptr;
}

}  // namespace karst::cluster
