#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/client.h"
#include "net/group_assignor.h"
#include "net/messages/offset_commit.h"

namespace karst::net {

struct group_listing {
  std::string id;
  std::string state;          // empty: the broker is too old to say it in a list
  std::string protocol_type;  // "consumer", "connect"; empty: offsets were only committed
  std::string type;           // "classic" or "consumer" (KIP-848); empty: an older broker
  std::size_t members = 0;
};

struct group_description {
  struct member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string host;  // as Kafka writes it, without the slash
    std::vector<std::string> subscribed;
    partitions_by_topic assigned;
  };
  std::string id;
  std::string state;
  std::string protocol_type;
  std::string assignor;
  std::string coordinator;  // HOST:PORT
  std::vector<member> members;
};

using offsets_by_partition = std::map<topic_partition, std::int64_t>;

offset_commit_request to_commit_request(std::string_view group,
                                        offsets_by_partition const& offsets);
// The first error that is not none.
error_code outcome_of_commit(offset_commit_response const& reply);

// What people and tools do to classic groups from outside, by way of their coordinators. One core;
// lives no longer than the client. Errors are for people.
class group_admin {
 public:
  explicit group_admin(client& brokers) : brokers_(brokers) {}

  // Of all brokers, in the order of their names.
  task<expected<std::vector<group_listing>, error>> list();
  // not_found when there is no such group.
  task<expected<group_description, error>> describe(std::string group);
  // All that the group has committed.
  task<expected<offsets_by_partition, error>> offsets(std::string group);
  // As nobody's member: refused while the group has members.
  task<expected<void, error>> commit(std::string group, offsets_by_partition offsets);
  // With its offsets; refused while it has members.
  task<expected<void, error>> remove(std::string group);

 private:
  client& brokers_;
};

}  // namespace karst::net
