#pragma once

#include "log/cleaner.h"
#include "log/disk_log.h"
#include "log/disk_log_directory.h"
#include "log/log_services.h"
#include "reactor/abort.h"
#include "reactor/metrics.h"

namespace karst::log {

// log_manager over a journal and disk_logs. Its destager empties journal files, oldest first, as
// soon as a second one is in use: every log that the oldest file still holds moves its whole blocks
// to its segments and its state to the current file (STORAGE.md 3).
class disk_log_manager final : public log_manager {
 public:
  explicit disk_log_manager(disk_log_directory& directory) : directory_(directory) {}
  ~disk_log_manager() override;

  task<expected<void, error>> begin();
  task<expected<void, error>> recover(std::vector<log_id> logs,
                                      std::function<void(partition_log&)> ready,
                                      progress_callback progress) override;
  task<expected<partition_log*, error>> create(log_id id, std::string topic, std::int32_t partition,
                                               uuid topic_id, log_config config) override;
  task<expected<void, error>> remove(log_id id) override;
  partition_log* find(log_id id) override;
  task<expected<void, error>> close(progress_callback progress) override;
  std::size_t max_batch_bytes() const override { return journal_->max_batch_bytes(); }
  std::string const& failure() const override { return services_.failure; }

  // The directory has failed, here or on another core: no write or acknowledgement from now on.
  void refuse_writes(std::string const& why);
  // The directory's volume has reached this level.
  void note_space(space_level level, std::string const& refusal);
  // Frees the blocks of a removed file, of those that wait; false: none does.
  task<bool> free_removed();
  // Early retention: the segment that goes next here; its bytes, once it is gone.
  task<std::optional<doomed_segment>> oldest_segment();
  task<std::uint64_t> delete_segment(doomed_segment doomed);

 private:
  using log_map = hash_map<log_id, std::shared_ptr<disk_log>>;

  // What the recovery of many logs shares.
  struct recovery {
    std::function<void(partition_log&)> ready;
    progress_callback progress;
    std::uint64_t done = 0;
    std::uint64_t of = 0;
    expected<void, error> outcome;  // the first failure
    std::vector<log_id> healthy;
    log_map targets;  // logs that the journals have bytes for

    void step() { advance(1); }
    void advance(std::uint64_t steps) {
      done += steps;
      if (progress && steps != 0) progress({done, of});
    }
  };

  task<> tell_directory(std::string why);
  task<> leave_directory();
  task<> give_up();
  task<expected<void, error>> end_after_failure();
  task<> open_log(recovery& work, log_id id);
  task<expected<void, error>> add_segments(disk_log& log, log_state const& state);
  task<> replay_windows(recovery& work, std::vector<std::shared_ptr<disk_log>> const& logs);
  task<> begin_replay(recovery& work, std::shared_ptr<disk_log> log);
  task<> finish_replay(recovery& work, std::shared_ptr<disk_log> log);
  task<> make_ready(recovery& work, std::shared_ptr<disk_log> log);
  task<expected<void, error>> make_files(std::string path, uuid topic_id);
  task<> destage_loop();
  task<> retention_loop();
  task<> give_space_back();
  void ask_for_space();
  task<> tell_space();
  task<> relocate(std::shared_ptr<disk_log> log);
  task<> free_memory(std::shared_ptr<disk_log> log);
  task<> make_memory();
  task<> prepare_kafka_files();
  task<> leave_kafka_files(std::vector<std::shared_ptr<disk_log>> const& all, std::size_t& next,
                           progress_callback const& progress);
  task<> rest(std::shared_ptr<disk_log> log, std::size_t& done, std::size_t of,
              progress_callback const& progress);
  void start_cleaner();
  task<> note_cleaned(offset_checkpoint at);
  void fail_storage(std::string what);

  disk_log_directory& directory_;
  log_services services_;
  metric damaged_reads_;
  metric failed_reads_;
  tail_cache::owner tails_;
  std::unique_ptr<journal> journal_;
  log_map logs_;
  std::vector<std::shared_ptr<disk_log>> recovering_;
  std::deque<std::shared_ptr<disk_log>>
      unprepared_;  // new ones, without the files that Kafka keeps
  std::unique_ptr<cleaner> cleaner_;
  bool preparing_ = false;
  bool entered_ = false;  // the directory knows of this manager
  bool asking_for_space_ = false;
  bool stopping_ = false;
  bool gave_up_ = false;  // recovery failed: everything has ended
  abort_source stop_;
  semaphore at_once_{32};  // logs that are relocated, created or brought to rest at the same time
  task_set tasks_;
};

}  // namespace karst::log
