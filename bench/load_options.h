#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "log/batch.h"
#include "net/client_connection.h"

namespace karst::bench {

// How a reader goes through its partitions: from the beginning to the end again and again; once;
// from the end on, as records come; from the beginning, and then on as records come.
enum class consume_mode : std::uint8_t { loop, once, tail, all };

// What a person asks of a load. One value for all kinds of load, so that one workload file and one
// set of options serve them all; each kind reads what concerns it. A value.
struct load_options {
  std::vector<net::host_and_port> bootstrap;
  std::string topic = "bench";
  std::int32_t topics = 1;      // with more than one their names are "topic-0", "topic-1", ...
  std::int32_t partitions = 8;  // of a topic that has to be made

  std::uint32_t connections = 64;  // that produce
  std::uint32_t in_flight = 1;     // requests of one connection without an answer
  std::uint32_t record_bytes = 100;
  std::uint32_t records_per_batch = 1;
  log::codec compression = log::codec::none;
  std::uint32_t keys = 0;   // distinct keys, in turn; 0: records have none
  double random_bytes = 0;  // share of a value that no codec can shrink
  std::string payload;      // every record's value; empty: made up, record_bytes long
  std::int16_t acks = -1;   // 0, 1, -1: all
  double rate = 0;          // requests per second in all; 0: as fast as answers come
  double record_rate = 0;   // the same in records, for who does not know the batch; 0: see rate

  std::uint32_t consumers = 8;  // connections that fetch, of all subscriptions
  // Requests of one such connection without an answer, each with a position of its own: they read
  // the same records independently.
  std::uint32_t fetches_in_flight = 1;
  std::uint32_t subscriptions = 1;  // each reads every record
  consume_mode mode = consume_mode::loop;
  std::int32_t fetch_bytes = 50 * 1024 * 1024;  // fetch.max.bytes; the Java consumer's limits
  std::int32_t partition_bytes = 1024 * 1024;   // max.partition.fetch.bytes
  std::int32_t fetch_bytes_min = 1;
  std::int32_t fetch_wait_ms = 500;

  duration warm_up = 1s;  // not counted
  duration length = 10s;  // counted
  int broker_pid = 0;     // whose CPU is measured; 0: none

  std::string topic_name(std::int32_t number) const {
    return topics == 1 ? topic : fmt::format("{}-{}", topic, number);
  }
};

}  // namespace karst::bench
