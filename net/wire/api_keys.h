#pragma once

#include <cstdint>
#include <string_view>

namespace karst::net {

// Kafka's API keys, by their protocol numbers (KIP-35 and later). Only those that Karst serves or sends.
enum class api_key : std::int16_t {
  produce = 0,
  fetch = 1,
  list_offsets = 2,
  metadata = 3,
  api_versions = 18,
  create_topics = 19,
  delete_topics = 20,
  init_producer_id = 22,
  offset_for_leader_epoch = 23,
  describe_configs = 32,
  describe_cluster = 60,
};

std::string_view name_of(api_key key);

}  // namespace karst::net
