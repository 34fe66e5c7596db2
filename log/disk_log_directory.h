#pragma once

#include <set>

#include "log/checkpoints.h"
#include "log/log_manager.h"
#include "log/recovery.h"
#include "reactor/file_facts.h"

namespace karst::log {

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
  // On core 0: a log_manager has taken these logs, or left them with these ends.
  void claim(std::vector<log_id> const& logs);
  void note_closed(std::vector<offset_checkpoint> ends, std::vector<offset_checkpoint> starts,
                   bool clean);

 private:
  explicit disk_log_directory(directory_options options) : options_(std::move(options)) {}
  task<expected<void, error>> look_around();

  directory_options options_;
  directory_report report_;
  recovered_state recovered_;
  core_id home_ = 0;
  directory_lock lock_;
  std::set<log_id> claimed_;
  std::vector<offset_checkpoint> ends_;
  std::vector<offset_checkpoint> starts_;
  bool closed_clean_ = true;
};

}  // namespace karst::log
