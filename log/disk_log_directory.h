#pragma once

#include <set>

#include "log/checkpoints.h"
#include "log/log_manager.h"
#include "log/recovery.h"
#include "reactor/abort.h"
#include "reactor/file_facts.h"
#include "reactor/semaphore.h"
#include "reactor/task_set.h"
#include "reactor/waiters.h"

namespace karst::log {

class disk_log_manager;

// log_directory over real or simulated files; lives on core 0 (where it was opened). The recovered
// state in it is read by all cores and never changed after open().
class disk_log_directory final : public log_directory {
 public:
  static task<expected<std::unique_ptr<log_directory>, error>> open(directory_options options);

  directory_report const& report() const override { return report_; }
  directory_options const& options() const override { return options_; }
  task<expected<void, error>> finish_recovery() override;
  task<expected<void, error>> close() override;

  recovered_state const& recovered() const { return recovered_; }
  core_id home() const { return home_; }
  // What the journal of a core begins with: files of earlier starts that hold nothing live, and how
  // many more there will be when recovery is finished.
  struct journal_files {
    std::vector<spare_journal_file> spares;
    std::uint32_t promised = 0;
  };
  journal_files const& files_for(core_id core) const { return plan_[core]; }
  std::string const& failure() const override { return failure_; }
  void take_offline(std::string why) override { note_failure(std::move(why)); }

  // On core 0: from `enter` to `leave` a core's log_manager is told of failures.
  void enter(core_id core, disk_log_manager& manager);
  task<> leave(core_id core);
  // On core 0: an allocation was refused, or something was deleted.
  void check_space_soon();
  // On core 0: a write of some core has failed. The first one is told to the operator, all cores
  // and on_failure.
  void note_failure(std::string why);
  static void report_failure(std::string_view why);
  // Up to where compaction had come when the directory was opened; no_offset: unknown.
  offset cleaned_at_start(std::string const& topic, std::int32_t partition) const;
  // On core 0: a log was compacted up to there, or is gone (no_offset). Kept in Kafka's
  // cleaner-offset-checkpoint, soon; lost, it only means compacting again.
  void note_cleaned(offset_checkpoint at);
  // On core 0: a log_manager has taken these logs; its journal is to be told when recovery is
  // finished. Or it left them with these ends.
  void claim(core_id core, std::vector<log_id> const& logs, journal& taken);
  void note_closed(std::vector<offset_checkpoint> ends, std::vector<offset_checkpoint> starts,
                   bool clean);

 private:
  explicit disk_log_directory(directory_options options)
      : options_(std::move(options)), space_(options_.path, options_.space) {}
  task<> watch_space();
  task<> check_space();
  task<> tell_of_space();
  task<bool> free_removed();
  task<> delete_oldest();
  task<expected<void, error>> look_around();
  task<> look_at_logs(std::vector<std::string> const& names);
  bool fits(old_journal_file const& file) const;
  void plan_journals();
  std::set<std::string> journals_to_keep() const;
  task<> tell_of_failure(core_id core, disk_log_manager& manager);
  task<> write_cleaned();
  task<expected<void, error>> hand_over(core_id core, std::vector<spare_journal_file> files,
                                        std::vector<std::string>& unused);

  directory_options options_;
  directory_report report_;
  recovered_state recovered_;
  core_id home_ = 0;
  directory_lock lock_;
  std::set<log_id> claimed_;
  std::vector<journal_files> plan_;  // per core
  std::set<std::string> reused_;     // journal files that are spares in it
  std::string failure_;
  std::vector<disk_log_manager*> managers_;  // per core, on which alone they may be touched
  semaphore managers_turn_{1};
  space space_;
  bool watching_space_ = false;
  bool space_asked_ = false;
  bool nothing_to_delete_ = false;  // said
  waiters space_wanted_;
  abort_source stop_;
  task_set tasks_;
  std::vector<journal*> journals_;  // per core, on which alone they may be touched
  std::vector<offset_checkpoint> ends_;
  std::vector<offset_checkpoint> starts_;
  using log_name = std::pair<std::string, std::int32_t>;
  std::map<log_name, offset> cleaned_at_start_;
  std::map<log_name, offset> cleaned_;
  bool cleaned_changed_ = false;
  bool writing_cleaned_ = false;
  bool closed_clean_ = false;  // from the end of recovery on, unless a core says otherwise
};

// A log's directory and the files in it, as far as it can be done: of a removal that a crash
// interrupted, or a creation that was refused.
task<> remove_directory_tree(std::string path);

}  // namespace karst::log
