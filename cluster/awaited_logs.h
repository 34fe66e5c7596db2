#pragma once

#include <memory>

#include "log/types.h"
#include "reactor/base/hash.h"
#include "reactor/semaphore.h"

namespace karst::cluster {

// The logs of one core that its start still has to bring: recovered, or created anew. Produce
// requests for them wait here, in their order, instead of being refused. A refusal would reorder
// what a client has sent ahead: the first batches meet no log, the next ones do, and an idempotent
// producer whose later batch is out of order begins a new epoch and sends again what was durable
// already (librdkafka: ERRSEQ, rd_kafka_idemp_drain_epoch_bump). On that core only.
class awaited_logs {
 public:
  void expect(log::log_id id) { logs_.try_emplace(id, std::make_unique<awaited>()); }
  // True also while some of those that waited have not gone on yet: nobody may overtake them.
  bool holds(log::log_id id) const { return !logs_.empty() && logs_.contains(id); }

  // Done when the log is here or will not come; callers go on in the order of their calls, each up
  // to its next suspension before the next one. Without a deadline: to refuse one and then take the
  // next would be what this is there to prevent. Only while holds().
  task<> wait(log::log_id id);
  // The log is here, or will not come. One that was not expected is fine.
  void settle(log::log_id id);
  // What has not come by now will not.
  void end();

 private:
  struct awaited {
    semaphore turn{0};  // has its unit from when the log is here
    std::size_t waiting = 0;
    bool settled = false;
  };
  void release(awaited& log);

  hash_map<log::log_id, std::unique_ptr<awaited>> logs_;
};

}  // namespace karst::cluster
