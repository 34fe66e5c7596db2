#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace karst::net {

// Kafka's API keys, by their protocol numbers (KIP-35 and later). Only those that Karst serves or
// sends.
enum class api_key : std::int16_t {
  produce = 0,
  fetch = 1,
  list_offsets = 2,
  metadata = 3,
  offset_commit = 8,
  offset_fetch = 9,
  find_coordinator = 10,
  join_group = 11,
  heartbeat = 12,
  leave_group = 13,
  sync_group = 14,
  describe_groups = 15,
  list_groups = 16,
  api_versions = 18,
  create_topics = 19,
  delete_topics = 20,
  delete_records = 21,
  init_producer_id = 22,
  offset_for_leader_epoch = 23,
  describe_configs = 32,
  alter_configs = 33,
  describe_log_dirs = 35,
  create_partitions = 37,
  delete_groups = 42,
  incremental_alter_configs = 44,
  offset_delete = 47,
  describe_cluster = 60,
};

// "Metadata"; "unknown" for a number that is none of the above.
std::string_view name_of(api_key key);

// The first version of an API whose messages are flexible (KIP-482): compact lengths and tagged
// fields in the body, request header v2 and response header v1. A key that is not listed is never
// flexible.
constexpr std::int16_t flexible_since(api_key key) {
  switch (key) {
    case api_key::produce:
      return 9;
    case api_key::fetch:
      return 12;
    case api_key::list_offsets:
      return 6;
    case api_key::metadata:
      return 9;
    case api_key::offset_commit:
      return 8;
    case api_key::offset_fetch:
      return 6;
    case api_key::find_coordinator:
      return 3;
    case api_key::join_group:
      return 6;
    case api_key::heartbeat:
      return 4;
    case api_key::leave_group:
      return 4;
    case api_key::sync_group:
      return 4;
    case api_key::describe_groups:
      return 5;
    case api_key::list_groups:
      return 3;
    case api_key::api_versions:
      return 3;
    case api_key::create_topics:
      return 5;
    case api_key::delete_topics:
      return 4;
    case api_key::delete_records:
      return 2;
    case api_key::init_producer_id:
      return 2;
    case api_key::offset_for_leader_epoch:
      return 4;
    case api_key::describe_configs:
      return 4;
    case api_key::alter_configs:
      return 2;
    case api_key::describe_log_dirs:
      return 2;
    case api_key::create_partitions:
      return 2;
    case api_key::delete_groups:
      return 2;
    case api_key::incremental_alter_configs:
      return 1;
    case api_key::describe_cluster:
      return 0;
    case api_key::offset_delete:
      break;
  }
  return std::numeric_limits<std::int16_t>::max();
}

constexpr bool is_flexible(api_key key, std::int16_t version) {
  return version >= flexible_since(key);
}

// An ApiVersions answer has header v0 in every version, because the asker may not know flexible
// headers yet (KIP-511).
constexpr bool has_flexible_response_header(api_key key, std::int16_t version) {
  return key != api_key::api_versions && is_flexible(key, version);
}

}  // namespace karst::net
