// Stands in for the log engine until log_directory and log_manager are in karst_log: records live
// in memory only, and a warning says so at every start. Delete this file when log_directory::open
// exists.
#include "reactor/base/logging.h"
#include "tests/cluster/memory_log.h"

namespace karst::log {
namespace {

class memory_directory final : public log_directory {
 public:
  explicit memory_directory(directory_options options) : options_(std::move(options)) {}
  directory_report const& report() const override { return report_; }
  directory_options const& options() const override { return options_; }
  task<expected<void, error>> finish_recovery() override { co_return expected<void, error>{}; }
  task<expected<void, error>> close() override { co_return expected<void, error>{}; }

 private:
  directory_options options_;
  directory_report report_;
};

}  // namespace

task<expected<std::unique_ptr<log_directory>, error>> log_directory::open(
    directory_options options) {
  logging::warn("log", "NOT DURABLE: this build keeps records in memory only");
  co_return std::unique_ptr<log_directory>{std::make_unique<memory_directory>(std::move(options))};
}

task<expected<std::unique_ptr<log_manager>, error>> log_manager::start(
    log_directory&, std::vector<log_id>, std::function<void(partition_log&)>, progress_callback) {
  co_return std::unique_ptr<log_manager>{std::make_unique<cluster::testing::memory_log_manager>()};
}

}  // namespace karst::log
