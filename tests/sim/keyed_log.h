#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/batch_builder.h"
#include "log/partition_log.h"
#include "reactor/task.h"
#include "tests/sim/sim_random.h"

namespace karst::sim {

// One record of a compacted log as a consumer sees it; no value: a tombstone.
struct keyed_record {
  std::int64_t at = 0;
  std::string key;
  std::optional<std::string> value;
  bool operator==(keyed_record const&) const = default;
};

// What was appended to one compacted log, kept by the test outside the simulated host, and what
// must hold of the log at any time, however much of it was compacted.
class keyed_book {
 public:
  // Appends a batch of a few records with keys and codec drawn from `random`, some of them
  // tombstones; durable when done. The reason why not, empty for none.
  task<std::string> append(log::partition_log& log, random_source& random);
  // Sends the idempotent producer's newest batch once more: it must be recognised.
  task<std::string> retry(log::partition_log& log);

  // Complaints about what a reader found, one per line: records that were never appended, other
  // content, wrong order, records missing that have no successor, keys whose newest record is an
  // older one. `acked`: what was acknowledged by the time that the reader's log is of.
  std::string check(std::vector<keyed_record> const& found, std::int64_t acked) const;
  std::int64_t acked() const { return acked_; }
  // After a recovery: what lies behind is gone, unless it was acknowledged.
  void settle(std::int64_t end);

 private:
  std::map<std::int64_t, keyed_record> records_;
  std::int64_t acked_ = 0;
  std::int32_t next_sequence_ = 0;
  std::uint64_t number_ = 0;
  std::string newest_batch_;
  std::int64_t newest_base_ = -1;
};

// All records that the log serves, or the reason why it does not.
task<expected<std::vector<keyed_record>, std::string>> read_keyed(log::partition_log& log);

}  // namespace karst::sim
