#include "cluster/topic_config.h"

#include "cluster/nearest_name.h"

namespace karst::cluster {
namespace {

// A broker key's value in the unit of the topic key. Negative times mean "no limit" in every unit.
std::string in_topic_unit(std::string_view value, std::int64_t multiplier) {
  if (multiplier == 1) return std::string{value};
  auto number = parse_number(value);
  return std::to_string(number < 0 ? -1 : number * multiplier);
}

std::int64_t number_of(broker_config const& broker, config_overrides const& overrides,
                       std::string_view name) {
  return parse_number(*effective_topic_value(broker, overrides, name));
}

std::int8_t codec_number(std::string_view compression_type) {
  constexpr std::string_view codecs[] = {"uncompressed", "gzip", "snappy", "lz4", "zstd"};
  auto found = std::ranges::find(codecs, compression_type);
  return found == std::end(codecs) ? std::int8_t{-1}
                                   : static_cast<std::int8_t>(found - std::begin(codecs));
}

// What the broker's keys give a topic key: set ones first, then defaults (Kafka's
// ConfigHelper.configSynonyms).
std::vector<config_synonym> broker_synonyms(broker_config const& broker,
                                            topic_config_definition const& topic) {
  std::vector<config_synonym> found;
  for (auto const& synonym : topic.synonyms) {
    if (auto const* set = broker.set_value(synonym.name)) {
      found.push_back({std::string{synonym.name}, set->value, described_source::static_broker});
    }
  }
  for (auto const& synonym : topic.synonyms) {
    auto const* definition = find_broker_config(synonym.name);
    if (definition->default_value) {
      found.push_back({std::string{synonym.name}, std::string{*definition->default_value},
                       described_source::default_value});
    }
  }
  return found;
}

unexpected<error> unknown_key(std::string_view name) {
  nearest_name nearest{name};
  for (auto const& known : topic_config_definitions()) nearest.consider(known.definition.name);
  auto remedy = nearest.found().empty()
                    ? std::string{"describe a topic with its defaults to see the keys of a topic"}
                    : fmt::format("did you mean {}?", nearest.found());
  return fail(errc::invalid, std::move(remedy), "unknown topic config name: {}", name);
}

}  // namespace

expected<void, error> check_topic_overrides(config_overrides const& overrides) {
  for (auto const& [name, value] : overrides) {
    auto const* topic = find_topic_config(name);
    if (topic == nullptr) return unknown_key(name);
    if (auto legal = check_value(topic->definition, value); !legal) return legal;
    if (name == "remote.storage.enable" && parse_boolean(value)) {
      return fail(errc::unsupported, "leave remote.storage.enable at false",
                  "remote.storage.enable=true is not available: Karst has no tiered storage yet");
    }
  }
  return {};
}

std::optional<std::string> effective_topic_value(broker_config const& broker,
                                                 config_overrides const& overrides,
                                                 std::string_view name) {
  if (auto found = overrides.find(std::string{name}); found != overrides.end()) {
    return found->second;
  }
  auto const* topic = find_topic_config(name);
  KARST_ASSERT(topic != nullptr, "no topic key {}", name);
  for (auto const& synonym : topic->synonyms) {
    if (auto const* set = broker.set_value(synonym.name)) {
      return in_topic_unit(set->value, synonym.multiplier);
    }
  }
  if (!topic->definition.default_value) return std::nullopt;
  return std::string{*topic->definition.default_value};
}

log::log_config make_log_config(broker_config const& broker, config_overrides const& overrides) {
  auto number = [&](std::string_view name) { return number_of(broker, overrides, name); };
  auto text = [&](std::string_view name) {
    return effective_topic_value(broker, overrides, name).value_or("");
  };
  return {.segment_bytes = number("segment.bytes"),
          .segment_ms = number("segment.ms"),
          .segment_jitter_ms = number("segment.jitter.ms"),
          .segment_index_bytes = number("segment.index.bytes"),
          .index_interval_bytes = number("index.interval.bytes"),
          .max_message_bytes = number("max.message.bytes"),
          .retention_bytes = number("retention.bytes"),
          .retention_ms = number("retention.ms"),
          .delete_old = text("cleanup.policy").contains("delete"),
          .compact = text("cleanup.policy").contains("compact"),
          .delete_retention_ms = number("delete.retention.ms"),
          .min_compaction_lag_ms = number("min.compaction.lag.ms"),
          .max_compaction_lag_ms = number("max.compaction.lag.ms"),
          .min_cleanable_dirty_ratio = parse_real(text("min.cleanable.dirty.ratio")),
          .flush_messages = number("flush.messages"),
          .message_timestamp_type = text("message.timestamp.type") == "LogAppendTime"
                                        ? log::timestamp_type::log_append_time
                                        : log::timestamp_type::create_time,
          .timestamp_before_max_ms = number("message.timestamp.before.max.ms"),
          .timestamp_after_max_ms = number("message.timestamp.after.max.ms"),
          .recompress_to = codec_number(text("compression.type"))};
}

std::vector<described_config> describe_topic_configs(broker_config const& broker,
                                                     config_overrides const& overrides) {
  std::vector<described_config> all;
  for (auto const& topic : topic_config_definitions()) {
    auto const& definition = topic.definition;
    described_config entry{.name = std::string{definition.name},
                           .value = effective_topic_value(broker, overrides, definition.name),
                           .type = definition.type,
                           .documentation = definition.documentation};
    if (auto found = overrides.find(entry.name); found != overrides.end()) {
      entry.synonyms.push_back({entry.name, found->second, described_source::dynamic_topic});
    }
    std::ranges::move(broker_synonyms(broker, topic), std::back_inserter(entry.synonyms));
    if (!entry.synonyms.empty()) entry.source = entry.synonyms.front().source;
    all.push_back(std::move(entry));
  }
  return all;
}

std::vector<described_config> describe_broker_configs(broker_config const& broker) {
  std::vector<described_config> all;
  for (auto const& definition : broker_config_definitions()) {
    described_config entry{.name = std::string{definition.name},
                           .read_only = true,
                           .sensitive = definition.type == config_type::password,
                           .type = definition.type,
                           .documentation = definition.documentation};
    if (auto value = broker.value(definition.name)) entry.value = std::string{*value};
    if (auto const* set = broker.set_value(definition.name)) {
      entry.source = described_source::static_broker;
      entry.synonyms.push_back({entry.name, set->value, described_source::static_broker});
    }
    if (definition.default_value) {
      entry.synonyms.push_back(
          {entry.name, std::string{*definition.default_value}, described_source::default_value});
    }
    if (entry.sensitive) {
      entry.value.reset();
      for (auto& synonym : entry.synonyms) synonym.value.reset();
    }
    all.push_back(std::move(entry));
  }
  return all;
}

}  // namespace karst::cluster
