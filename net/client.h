#pragma once

#include <map>
#include <memory>

#include "net/client_connection.h"
#include "net/messages/create_topics.h"
#include "net/messages/describe_configs.h"
#include "net/messages/fetch.h"
#include "net/messages/list_offsets.h"
#include "net/messages/metadata.h"
#include "net/messages/produce.h"
#include "reactor/semaphore.h"

namespace karst::net {

struct topic_partition {
  std::string topic;
  std::int32_t partition = 0;

  auto operator<=>(topic_partition const&) const = default;
  std::string text() const { return fmt::format("{}-{}", topic, partition); }
};

struct produce_options {
  std::int16_t acks = -1;
  bool create = true;       // let the broker create the topic
  bool idempotent = false;  // the batches carry a producer id and sequences: safe to send again
};

// What the batches of an idempotent producer carry (KIP-98).
struct producer_identity {
  std::int64_t id = -1;
  std::int16_t epoch = -1;
};

struct produced {
  std::int64_t base_offset = -1;  // -1 with acks=0
  std::int64_t log_append_time = -1;
};

// From where a partition is to be read.
struct fetch_position {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

struct fetched {
  buffer_chain records;  // whole batches; the last may be cut
  std::int64_t high_watermark = 0;
  std::int64_t log_start = 0;
};

struct fetch_options {
  std::int32_t max_wait_ms = 500;
  std::int32_t max_bytes = 4 * 1024 * 1024;            // of one answer
  std::int32_t partition_max_bytes = 1 * 1024 * 1024;  // of one partition in it
};

struct new_topic {
  std::string name;
  std::int32_t partitions = -1;  // -1: the broker's default
  std::int16_t replication_factor = -1;
  std::vector<std::pair<std::string, std::string>> configs;
};

// What an error code says to a person, with the broker's own text when it gave one. Its errc is
// not_found, exists or timed_out where that is what happened.
error to_error(error_code code, std::optional<std::string> const& message, std::string_view what);
// Whether the connection failed, rather than what was asked for.
bool lost(error const& failure);
unexpected<error> incomplete(client_connection const& broker, topic_partition const& asked);

// A Kafka client for tools and tests: finds brokers and leaders, connects when first needed, asks
// again when a leader has moved. Records are bytes to it (batches are built by log/batch_builder).
// One core; any number of calls at a time. close() before destruction. Errors are for people: what,
// where and what to do.
class client {
 public:
  explicit client(client_options options);
  ~client();

  // Of the named topics, or of all. With `create`, the broker may create those that do not exist.
  task<expected<answer<metadata_response>, error>> metadata(
      std::optional<std::vector<std::string>> topics, bool create = false);
  // Waits for leaders of all partitions; at most the request time-out.
  task<expected<std::int32_t, error>> partition_count(std::string topic, bool create);

  task<expected<producer_identity, error>> init_producer();
  // An error after which the broker may or may not have the records is retried only when they are
  // idempotent.
  task<expected<produced, error>> produce(topic_partition to, buffer_chain records,
                                          produce_options options);
  // Reads partitions of a topic, all that have the same leader with one request, and answers in
  // their order. Those behind the limit of an answer come without records: they go first in the
  // next call. Asks again, at most for the request time-out, while a broker is away or a leader
  // moves.
  task<expected<std::vector<fetched>, error>> fetch(std::string topic,
                                                    std::vector<fetch_position> from,
                                                    fetch_options options);
  // `timestamp`: milliseconds, or latest_timestamp, earliest_timestamp, max_timestamp. -1: there is
  // no such record.
  task<expected<std::int64_t, error>> offset_at(topic_partition of, std::int64_t timestamp);

  // These two ask again while the broker starts and makes no changes yet.
  task<expected<void, error>> create_topic(new_topic topic);
  task<expected<void, error>> delete_topic(std::string name);
  // Configurations that differ from the default, or all.
  task<expected<std::vector<describe_configs_response::config>, error>> topic_configs(
      std::string name, bool all);

  // The connection to the broker that coordinates a group; asks again while none does.
  task<expected<client_connection*, error>> coordinator_of(std::string group);
  // When the coordinator has moved, or its connection was lost.
  void forget_coordinator(std::string const& group) { coordinators_.erase(group); }
  // Connections to all brokers; an error when one cannot be reached.
  task<expected<std::vector<client_connection*>, error>> every_broker();

  // Which of the bootstrap servers answered.
  host_and_port bootstrapped_by() const;

  // Whether to ask again: nothing was done, and a moment later it may be.
  bool may_retry(error_code code, time_point attempts_until) const;
  // Until when a call asks again.
  time_point patience() const;
  // Between two attempts.
  task<> pause();

  task<> close();

 private:
  struct fetch_round;
  task<expected<void, error>> find_leaders(fetch_round& round, time_point attempts_until);
  task<> fetch_from(client_connection& leader, fetch_round& round, time_point attempts_until);
  struct known_topic {
    std::vector<std::int32_t> leaders;  // by partition; -1: none known
  };

  static constexpr std::int32_t bootstrap_node = -1;

  task<expected<client_connection*, error>> bootstrap();
  // Of a change to topics; asks again while the broker does not make any yet.
  template <wire_message Response, wire_message Request>
  task<expected<answer<Response>, error>> ask_controller(Request request);
  task<expected<client_connection*, error>> connect_to(std::int32_t node);
  // The connection to the partition's leader. `attempts_until`: how long to ask again while it has
  // none.
  task<expected<client_connection*, error>> leader_of(topic_partition where, bool create,
                                                      time_point attempts_until);
  task<expected<void, error>> learn(std::string topic, bool create, time_point attempts_until);
  void forget(topic_partition const& where);

  client_options options_;
  std::map<std::int32_t, host_and_port> nodes_;
  std::map<std::string, known_topic, std::less<>> topics_;
  std::map<std::string, std::int32_t> coordinators_;  // by group
  std::map<std::int32_t, std::unique_ptr<client_connection>> connections_;
  std::vector<std::unique_ptr<client_connection>> retired_;  // broken; closed with the client
  semaphore connecting_{1};
};

}  // namespace karst::net
