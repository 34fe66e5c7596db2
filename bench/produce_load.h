#pragma once

#include <cstdint>
#include <string>

#include "bench/histogram.h"
#include "reactor/base/expected.h"
#include "reactor/socket.h"
#include "reactor/task.h"

namespace karst::bench {

// One question: how many record batches per second, at what latency, does a broker acknowledge? Any
// broker of the Kafka protocol; the same bytes go to each, so that figures can be laid side by
// side.
struct produce_load_options {
  sockaddr_storage broker{};
  std::string topic = "bench";
  std::int32_t partitions = 8;  // of the topic; connection i writes to partition i modulo this
  std::uint32_t connections = 64;
  std::uint32_t in_flight = 1;  // requests of one connection without an answer
  std::uint32_t record_bytes = 100;
  std::uint32_t records_per_batch = 1;
  std::int16_t acks = -1;
  double rate = 0;        // requests per second of all connections; 0: as fast as answers come
  duration warm_up = 1s;  // not counted
  duration length = 10s;  // counted
};

struct produce_load_report {
  std::uint64_t requests = 0;
  std::uint64_t all_requests = 0;  // answered, those of the warm-up included
  std::uint64_t batch_bytes = 0;   // of one request
  std::uint64_t records_per_request = 0;
  std::uint64_t refused = 0;  // answers with an error code, counted apart and not in the latencies
  std::int16_t last_error = 0;
  double seconds = 0;
  // From when a request was due (open loop: no coordinated omission) or sent (closed loop) to its
  // answer.
  histogram latencies;
};

// Runs the load from this core. The error names the broker and what to do.
task<expected<produce_load_report, error>> run_produce_load(produce_load_options options);

}  // namespace karst::bench
