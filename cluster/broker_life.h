#pragma once

#include <memory>
#include <vector>

#include "cluster/api/dispatch.h"
#include "cluster/broker.h"
#include "cluster/data_directory.h"
#include "cluster/listener_config.h"
#include "cluster/local_coordination.h"
#include "cluster/log_directories.h"
#include "cluster/memory_plan.h"
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
struct directory_facts {
  std::string path;
  std::string offline;         // why; empty: in service
  log::directory_report logs;  // if it could be opened
};

struct broker_facts {
  std::vector<directory_facts> directories;  // in the order of log.dirs
  std::string listening_on;                  // "127.0.0.1:9092"
  std::size_t topics = 0;
  std::size_t partitions = 0;
};

// Makes a broker out of the process's cores and takes it down again: data directories, coordination
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
  void place_found(partition_metadata& partition, log::found_log const& found,
                   directory_index directory);
  void place_new(topic_metadata const& topic, partition_metadata& partition);
  void report_not_found() const;
  task<> start_core(core_id core);
  task<> recover_core(core_id core);
  task<> recover_directory(core_id core, directory_index directory);
  task<> check_served(core_id core);
  // Directories that failed on some core go offline; an error when none is left.
  outcome settle_directories();
  task<> finish_recovery();
  task<outcome> open_controller();
  task<> complete_deletions(topics& controller);
  task<> publish_topics();
  void note_facts();
  task<expected<void, error>> close_storage();
  task<> close_core(core_id core, expected<void, error>& result);

  // What one core has to recover; made on core 0, read on that core.
  struct core_part {
    struct known_log {
      log::leader_epoch epoch;
      log::log_config config;
    };
    std::vector<std::vector<log::log_id>> found;  // by directory: to be recovered
    hash_map<log::log_id, known_log> known;       // of these
    std::vector<new_partition> missing;           // in the tree only: to be created
    std::vector<log::log_id> deletions;
    std::vector<std::optional<error>> problems;  // by directory
    hash_map<log::log_id, bool> unserved;        // whatever the reason
  };
  struct placed_log {
    directory_index directory = 0;
    log::found_log log;
  };

  broker_options options_;
  memory_plan plan_;  // of options_.memory_bytes
  broker_facts facts_;
  data_directories found_;
  std::unique_ptr<broker> broker_;
  std::unique_ptr<local_coordination> tree_;
  std::unique_ptr<placement> placement_;
  stored_topics stored_;
  std::vector<std::unique_ptr<core_part>> parts_;
  hash_map<uuid, std::vector<placed_log>> found_by_topic_;  // while recovering
  std::size_t most_on_core_ = 0;                            // of the logs that were found
  std::vector<std::string> not_found_;                      // partitions that are offline for it
  std::vector<std::unique_ptr<dispatcher>> dispatchers_;
  std::unique_ptr<net::connection_server> server_;
};

}  // namespace karst::cluster
