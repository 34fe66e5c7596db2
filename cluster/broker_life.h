#pragma once

#include <memory>
#include <vector>

#include "cluster/api/dispatch.h"
#include "cluster/broker.h"
#include "cluster/data_directory.h"
#include "cluster/listener_config.h"
#include "cluster/local_coordination.h"
#include "cluster/placement.h"
#include "cluster/start_failure.h"
#include "cluster/stored_topics.h"
#include "log/log_manager.h"
#include "net/connection_server.h"

namespace karst::cluster {

struct broker_options {
  broker_config config;
  listener_config listener;
  std::uint64_t memory_bytes = 0;    // of the whole process
  std::uint64_t descriptors = 1024;  // that the process may have open
  core_id cores = 1;
};

// What the start report shows and only the start knows.
struct broker_facts {
  std::string directory;
  std::string listening_on;  // "127.0.0.1:9092"
  log::directory_report logs;
  std::size_t topics = 0;
  std::size_t partitions = 0;
};

// Makes a broker out of the process's cores and takes it down again: data directory, coordination
// tree, connections, recovery of the logs, in that order, and back. Called on core 0. A start that
// fails undoes what it had begun, so that it can be tried again.
class broker_life {
 public:
  static task<expected<std::unique_ptr<broker_life>, start_failure>> start(broker_options options);
  ~broker_life();

  broker& running() { return *broker_; }
  broker_facts const& facts() const { return facts_; }

  // Answers what has begun, then destages, writes Kafka's checkpoints and marks the stop clean.
  // Says how far it is about once a second. The error is what could not be written: the next start
  // recovers.
  task<expected<void, error>> stop();

 private:
  using outcome = expected<void, start_failure>;
  explicit broker_life(broker_options options);

  task<outcome> begin();
  task<outcome> listen();
  task<expected<std::unique_ptr<net::connection_server>, error>> open_server(
      sockaddr_storage address);
  task<outcome> open_storage();
  task<outcome> recover();
  // The largest batch that the broker's default allows must fit in the journal.
  outcome check_batch_limit() const;
  void place_logs();
  void add_logs(topic_metadata& topic, bool deleting);
  task<> start_core(core_id core);
  task<> recover_core(core_id core);
  outcome outcome_of_cores() const;
  task<outcome> complete_deletions(topics& controller);
  task<> publish_topics();
  task<expected<void, error>> close_storage();
  task<> close_core(core_id core, expected<void, error>& result);

  // What one core has to recover; made on core 0, read on that core.
  struct core_part;

  broker_options options_;
  broker_facts facts_;
  data_directory directory_;
  std::unique_ptr<broker> broker_;
  std::unique_ptr<local_coordination> tree_;
  std::unique_ptr<log::log_directory> logs_;
  std::unique_ptr<placement> placement_;
  stored_topics stored_;
  std::vector<std::unique_ptr<core_part>> parts_;
  hash_map<uuid, std::vector<log::found_log>> found_by_topic_;  // while recovering
  std::vector<std::unique_ptr<dispatcher>> dispatchers_;
  std::unique_ptr<net::connection_server> server_;
};

}  // namespace karst::cluster
