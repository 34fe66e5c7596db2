#pragma once

#include <memory>
#include <vector>

#include "bench/arrivals.h"
#include "bench/lane.h"
#include "bench/load_run.h"
#include "bench/pacer.h"
#include "bench/stamp.h"

namespace karst::bench {

// The producing side of a load: connections that write prepared batches to the leaders of their
// partitions and time the answers. In a closed loop each keeps `in_flight` requests unanswered; in
// an open loop requests become due at the options' rate, whatever the answers do, and latency
// counts from then (no coordinated omission): what waits because `in_flight` are unanswered is sent
// as soon as it may be. With acks=0 there are no answers, and latency ends when the kernel has
// taken the bytes. One core.
class produce_load {
 public:
  // Connects to the leaders. The error names the broker and what to do. The options outlive it.
  // With `load` each record is stamped as one of an end-to-end load of that number, and `batches`
  // are not sent.
  static task<expected<std::unique_ptr<produce_load>, error>> connect(
      load_options const& options, std::vector<lane> const& to, std::vector<buffer> batches,
      std::optional<std::uint64_t> load = std::nullopt);
  ~produce_load();

  // Until the run is over and the requests in flight are answered, a broker that hangs given up.
  // What breaks fails the run. `records`, when given, learns of each record's fate.
  task<> drive(load_run& run, tally& counts, arrivals* records = nullptr);
  // When it has been driven, or never will be.
  task<> close();

 private:
  class connection;
  produce_load();

  std::vector<buffer> batches_;
  std::optional<stamped_batches> stamped_;
  std::vector<std::unique_ptr<connection>> connections_;
  std::unique_ptr<pacer> pace_;  // with a rate
};

}  // namespace karst::bench
