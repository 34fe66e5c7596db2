#pragma once

#include "cluster/refusal.h"
#include "log/types.h"
#include "reactor/base/expected.h"
#include "reactor/semaphore.h"
#include "reactor/task.h"

namespace karst::cluster {

class coordination;

// Gives out producer ids from blocks of 1,000 that are claimed durably in /latest_producer_id_block
// before the first id of a block leaves: an id is never given twice, also across crashes (the rest
// of a block is then lost, as in Kafka). Lives on core 0.
class producer_ids {
 public:
  producer_ids(coordination& tree, std::int32_t broker_id) : tree_(tree), broker_id_(broker_id) {}

  // COORDINATOR_NOT_AVAILABLE when the block cannot be made durable.
  task<expected<log::producer_id, refusal>> next();

 private:
  task<expected<void, refusal>> claim_block();

  coordination& tree_;
  std::int32_t broker_id_;
  std::int64_t next_ = 0;
  std::int64_t end_ = 0;
  semaphore claiming_{1};
};

}  // namespace karst::cluster
