#pragma once

#include <vector>

#include "cluster/api/fetch_reader.h"
#include "reactor/abort.h"
#include "reactor/waiters.h"

namespace karst::cluster {

// What one core is asked for: its partitions in the order of service.
struct core_share {
  core_id core = no_core;
  std::vector<fetch_job> jobs;
  std::size_t wanted_bytes = 0;  // the limits of its partitions together
  std::size_t budget = 0;        // its part of the answer's
};

struct fetch_limits {
  std::size_t budget = 0;     // of the records of the answer
  std::size_t min_bytes = 0;  // what is enough to answer; at most the budget
  std::int16_t version = 0;
  net::error_code refusal = net::error_code::none;  // of all partitions
};

// A Fetch request as work for the cores that own its partitions: reads once or more often, and says
// whether it is time to answer, by Kafka's rules (ReplicaManager.readFromLog, DelayedFetch). Made
// for one request, on the connection's core.
class fetch_plan {
 public:
  // Takes the session's partitions as the current metadata finds them.
  fetch_plan(broker& broker, fetch_session& session, fetch_limits limits);

  struct refused_partition {
    fetch_session::place place = fetch_session::none;
    net::error_code error = net::error_code::none;
  };
  // Those that cannot be read at all. They wait for the others, as with Kafka.
  std::vector<refused_partition> const& refused() const { return refused_; }
  // Nothing can be read, and nothing is to be waited for.
  bool idle() const { return shares_.empty(); }
  // The core that has all that can be read; no_core: several.
  core_id core() const { return shares_.size() == 1 ? shares_.front().core : no_core; }

  // Reads all; results() are those of the last time, in the order of service, without those that
  // have nothing to say.
  task<> read();
  std::vector<fetch_result>& results() { return results_; }
  // Whether to answer now: enough bytes, or something that the client should hear at once.
  bool is_enough() const;
  // Parks until a partition has moved. Gives the records back first: a parked fetch holds no memory
  // of a log.
  task<wake_reason> wait_for_more(time_point deadline, abort_source* abort);

 private:
  void add(fetch_session const& session, fetch_session::place at);
  void divide_budget();
  task<> read_share(core_share const& share);
  void keep_within_budget();
  task<> read_leftover();
  std::size_t bytes() const;

  broker& broker_;
  fetch_limits limits_;
  std::uint32_t turns_ = 0;
  bool divided_ = false;  // the budget, because it is less than the partitions' limits
  std::vector<core_share> shares_;
  std::vector<refused_partition> refused_;
  std::vector<fetch_result> results_;
};

}  // namespace karst::cluster
