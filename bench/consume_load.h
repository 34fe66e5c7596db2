#pragma once

#include <cstdint>
#include <string>

#include "bench/histogram.h"
#include "reactor/base/expected.h"
#include "reactor/socket.h"
#include "reactor/task.h"

namespace karst::bench {

// How a reader goes through its partitions: from the beginning to the end again and again, once, or
// from the end on, as records come.
enum class consume_mode : std::uint8_t { loop, once, tail };

// One question: how many bytes per second, at what latency, does a broker hand out? Any broker of
// the Kafka protocol. What is received is thrown away but for the headers of the batches, so that
// the load is a small part of what is measured. The limits are those of the Java consumer.
struct consume_load_options {
  sockaddr_storage broker{};
  std::string topic = "bench";
  // Of the topic; connection i reads those with the same number modulo the connections, or, when
  // there are fewer partitions than connections, partition i modulo the partitions.
  std::int32_t partitions = 8;
  std::uint32_t connections = 8;
  // Requests of one connection without an answer, each with a position of its own: they read the
  // same records independently.
  std::uint32_t in_flight = 1;
  std::int32_t request_bytes = 50 * 1024 * 1024;  // fetch.max.bytes
  std::int32_t partition_bytes = 1024 * 1024;     // max.partition.fetch.bytes
  std::int32_t min_bytes = 1;
  std::int32_t max_wait_ms = 500;
  consume_mode mode = consume_mode::loop;
  duration warm_up = 1s;  // not counted
  duration length = 10s;  // counted; with consume_mode::once the most
};

struct consume_load_report {
  std::uint64_t requests = 0;      // answered within the time that counts, with or without records
  std::uint64_t all_requests = 0;  // answered, those of the warm-up included
  std::uint64_t records = 0;       // of whole batches
  std::uint64_t record_bytes = 0;
  std::uint64_t all_record_bytes = 0;  // those of the warm-up included
  std::uint64_t refused = 0;           // answers or partitions with an error code
  std::int16_t last_error = 0;
  double seconds = 0;
  // From when a request was sent to the last byte of its answer.
  histogram latencies;
};

// Runs the load from this core. The error names the broker and what to do.
task<expected<consume_load_report, error>> run_consume_load(consume_load_options options);

}  // namespace karst::bench
