#pragma once

#include <memory>
#include <string>
#include <vector>

#include "log/log_manager.h"
#include "tests/sim/log_ledger.h"
#include "tests/sim/sim_machine.h"

namespace karst::sim {

// The log engine of one simulated process: a directory and a log_manager per core. start() to
// close(), or to the end of the object, which is what remains after a power cut or a failed write.
// Functions that can fail answer with the reason, empty for none.
class log_node {
 public:
  log_node(world& host, log::directory_options options, log_ledger& ledger);
  ~log_node();
  log_node(log_node const&) = delete;
  log_node& operator=(log_node const&) = delete;

  std::string start();
  std::string close();
  // Ends like by kill -9: what is in flight may or may not reach the disk, and nothing more does.
  void kill();
  std::string create(std::uint64_t id, log::log_config const& config);
  std::string remove(std::uint64_t id);
  // Waits for room, appends, and waits until it is durable; the ledger learns of both.
  std::string append(std::uint64_t id, std::size_t bytes);
  // By the log's idempotent producer, one batch after another.
  std::string append_in_sequence(std::uint64_t id, std::size_t bytes);
  // A follower's truncation; the ledger learns of what was asked for, and that it was answered.
  std::string truncate(std::uint64_t id, log_cut cut);
  // The producer sends its newest batch once more, or an older one that must be remembered:
  // recognised, or else the complaint.
  std::string retry(std::uint64_t id, int back = 0);
  // Appends and truncations of many logs, all at once; which fail is not told.
  struct append_request {
    std::uint64_t id = 0;
    std::size_t bytes = 0;
    std::optional<log_cut> cut = {};  // instead of an append
  };
  void append_all(std::vector<append_request> const& requests);
  // Lets time pass with all cores turning.
  void idle(duration span);

  // Called for each log that start() has made ready, while it goes on.
  std::function<void(log::partition_log&)> on_ready;

  log::partition_log* find(std::uint64_t id);
  log::log_manager& manager_of(std::uint64_t id);
  log::directory_report const& report() const { return directory_->report(); }
  machine& cores() { return cores_; }

  // Compares everything readable with the ledger: complains about acknowledged records that are
  // missing, records that were never appended, gaps, other bytes, and logs lost. Complaints are one
  // per line.
  std::string check(std::map<std::uint64_t, log_promise> const& promises);
  // After a start that check() found right: what was recovered of a log stays, from now on it
  // counts as acknowledged. Its producer sends its last batches again.
  std::string settle(std::uint64_t id);
  // The logs' content as one text, for comparing two recoveries.
  std::string content();

 private:
  task<std::string> open_directory();
  task<std::string> start_manager(core_id id);
  task<std::string> close_manager(core_id id);
  core_id core_of(std::uint64_t id) const;
  std::string check_log(std::uint64_t id, log_promise const& promise);

  world& host_;
  log::directory_options options_;
  log_ledger& ledger_;
  machine cores_;
  std::unique_ptr<log::log_directory> directory_;
  std::vector<std::unique_ptr<log::log_manager>> managers_;
};

// All batches of a log as it serves them, or the reason why it does not.
task<expected<std::vector<written_batch>, std::string>> read_batches(log::partition_log& log);

}  // namespace karst::sim
