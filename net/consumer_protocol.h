#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What members of groups with protocol type "consumer" tell one another: their subscription (as
// metadata in JoinGroup) and their assignment (in SyncGroup). Versions 0 to 3 of Kafka's
// ConsumerProtocolSubscription and ConsumerProtocolAssignment: int16 version, then fields in the
// protocol's old encoding. A newer version only appends fields and is read as 3. The bytes are any
// client's: what does not parse is nullopt, and no length is believed beyond what is there. Pure
// functions.
namespace karst::net {

struct topic_partitions {
  std::string topic;
  std::vector<std::int32_t> partitions;
  bool operator==(topic_partitions const&) const = default;
};

struct consumer_subscription {
  std::int16_t version = 0;
  std::vector<std::string> topics;
  std::optional<std::string> user_data;  // the assignor's
  std::vector<topic_partitions> owned;   // version 1 (KIP-429)
  std::int32_t generation = -1;          // version 2 (KIP-792)
  std::optional<std::string> rack;       // version 3 (KIP-881)
  bool operator==(consumer_subscription const&) const = default;
};

struct consumer_assignment {
  std::int16_t version = 0;
  std::vector<topic_partitions> partitions;
  std::optional<std::string> user_data;
  bool operator==(consumer_assignment const&) const = default;
};

std::optional<consumer_subscription> parse_subscription(std::string_view bytes);
std::optional<consumer_assignment> parse_assignment(std::string_view bytes);
// The topics alone, read as version 0, which every version begins with; views into `bytes`.
std::optional<std::vector<std::string_view>> parse_subscribed_topics(std::string_view bytes);

// In the version that the value says, 3 at most; fields that it lacks are left out.
std::string to_bytes(consumer_subscription const& subscription);
std::string to_bytes(consumer_assignment const& assignment);

}  // namespace karst::net
