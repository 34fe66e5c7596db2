#include "cluster/partition_manager.h"

#include "reactor/task_set.h"

namespace karst::cluster {
namespace {

// Enough creations at a time to fill the device's queue; more would only hold descriptors.
constexpr std::size_t creations_in_flight = 32;

}  // namespace

partition* partition_manager::find(log::log_id id) {
  auto found = partitions_.find(id);
  return found == partitions_.end() ? nullptr : found->second.open.get();
}

std::size_t partition_manager::max_batch_bytes() const {
  auto most = std::numeric_limits<std::size_t>::max();
  for (auto const& logs : logs_) {
    if (logs) most = std::min(most, logs->max_batch_bytes());
  }
  return most;
}

void partition_manager::adopt(directory_index directory, log::partition_log& log,
                              log::leader_epoch epoch, log::log_config const& config) {
  log.set_config(config);
  partitions_[log.id()] = {directory, std::make_unique<partition>(log, epoch, validator_)};
  awaited_.settle(log.id());
}

task<expected<void, error>> partition_manager::create(new_partition request) {
  auto& logs = logs_[request.directory];
  if (!logs) {
    co_return fail(errc::io_error, "check the device and restart",
                   "the log directory of {}-{} is offline", request.topic, request.index);
  }
  auto created = co_await logs->create(request.log, request.topic, request.index, request.topic_id,
                                       request.config);
  if (!created) co_return unexpected<error>(created.error());
  partitions_[request.log] = {request.directory,
                              std::make_unique<partition>(**created, request.epoch, validator_)};
  awaited_.settle(request.log);
  co_return expected<void, error>{};
}

task<> partition_manager::create_next(std::vector<new_partition>& requests, std::size_t& next,
                                      expected<void, error>& outcome) {
  while (next < requests.size() && outcome) {
    auto created = co_await create(std::move(requests[next++]));
    if (!created && outcome) outcome = created;
  }
}

task<expected<void, error>> partition_manager::create_all(std::vector<new_partition> requests) {
  std::size_t next = 0;
  expected<void, error> outcome;
  task_set running;
  for (std::size_t i = 0; i < std::min(creations_in_flight, requests.size()); ++i) {
    running.spawn(create_next(requests, next, outcome));
  }
  co_await running.join();
  co_return outcome;
}

task<expected<void, error>> partition_manager::remove(log::log_id id) {
  auto found = partitions_.find(id);
  if (found == partitions_.end()) co_return expected<void, error>{};
  auto [directory, gone] = std::move(found.value());
  partitions_.erase(found);
  gone->begin_close();
  // Closing the log is what ends the calls that are inside the partition.
  auto removed = co_await logs_[directory]->remove(id);
  co_await gone->close();
  co_return removed;
}

task<expected<void, error>> partition_manager::remove_all(std::vector<log::log_id> ids) {
  expected<void, error> outcome;
  for (auto id : ids) {
    auto removed = co_await remove(id);
    if (!removed && outcome) outcome = removed;
  }
  co_return outcome;
}

task<> partition_manager::close_directory(log::log_manager& logs, log::progress_callback progress,
                                          expected<void, error>& outcome) {
  auto closed = co_await logs.close(std::move(progress));
  if (!closed && outcome) outcome = closed;
}

task<expected<void, error>> partition_manager::close(log::progress_callback progress) {
  for (auto& [id, placed] : partitions_) placed.open->begin_close();
  expected<void, error> outcome;
  {
    task_set closing;
    for (auto& logs : logs_) {
      if (logs) closing.spawn(close_directory(*logs, progress, outcome));
    }
    co_await closing.join();
  }
  for (auto& [id, placed] : partitions_) co_await placed.open->close();
  partitions_.clear();
  co_return outcome;
}

}  // namespace karst::cluster
