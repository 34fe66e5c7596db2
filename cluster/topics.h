#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cluster/metadata_cache.h"
#include "cluster/refusal.h"
#include "reactor/base/expected.h"
#include "reactor/semaphore.h"
#include "reactor/task.h"

namespace karst::cluster {

class broker;
class coordination;
class placement;

struct topic_request {
  std::string name;
  std::int32_t partitions = -1;          // -1: num.partitions, or given by assignments
  std::int16_t replication_factor = -1;  // -1: default.replication.factor (at most the number of
                                         // brokers), or given by assignments
  std::map<std::int32_t, std::vector<std::int32_t>>
      assignments;  // partition -> broker ids; empty: chosen here
  std::vector<std::pair<std::string, std::optional<std::string>>> configs;
};

struct created_topic {
  uuid id;
  std::int32_t partitions = 0;
  std::int16_t replication_factor = 0;
  config_overrides
      overrides;  // for the configs of a CreateTopics v5+ answer: describe_topic_configs
};

// Creates and deletes topics. Lives on core 0 and is called there (submit_to(0, ...)). One change
// at a time, in order of arrival. A change is durable in the coordination tree, done on the owning
// cores and visible in every core's metadata_cache before the call returns; one that fails half-way
// is taken back, and a crash in between is completed (deletion) or leaves an empty topic (creation)
// at the next start.
class topics {
 public:
  topics(broker& owner, coordination& tree, placement& cores);

  // TOPIC_ALREADY_EXISTS, INVALID_TOPIC_EXCEPTION, INVALID_PARTITIONS, INVALID_REPLICATION_FACTOR,
  // INVALID_REPLICA_ASSIGNMENT, INVALID_CONFIG, INVALID_REQUEST (both counts and assignments),
  // KAFKA_STORAGE_ERROR. validate_only checks everything and changes nothing.
  task<expected<created_topic, refusal>> create(topic_request request, bool validate_only);
  // As Metadata does for an unknown topic when auto.create.topics.enable is set: defaults for
  // everything; a topic that exists by then is fine.
  task<expected<void, refusal>> create_automatically(std::string name);
  // UNKNOWN_TOPIC_OR_PARTITION, TOPIC_DELETION_DISABLED.
  task<expected<void, refusal>> remove(std::string name);

 private:
  struct plan;
  expected<plan, refusal> make_plan(topic_request const& request) const;
  task<expected<void, refusal>> carry_out(plan& planned);

  broker& broker_;
  coordination& tree_;
  placement& placement_;
  semaphore one_at_a_time_{1};
};

}  // namespace karst::cluster
