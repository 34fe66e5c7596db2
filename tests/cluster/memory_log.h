#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "log/batch.h"
#include "log/log_manager.h"
#include "log/validated_batch.h"
#include "reactor/base/endian.h"
#include "reactor/base/hash.h"

namespace karst::cluster::testing {

// A log that keeps its batches in memory, for tests of what stands on logs: real offsets and
// waiting, no disk. Tests decide when appended records become durable by `hold` and `release`.
class memory_log final : public log::partition_log {
 public:
  memory_log(log::log_id id, std::string topic, std::int32_t partition, uuid topic_id,
             log::log_config config)
      : id_(id),
        topic_(std::move(topic)),
        partition_(partition),
        topic_id_(topic_id),
        config_(config) {}

  void hold() { held_ = true; }
  void release() {
    held_ = false;
    make_durable();
  }
  void close() {
    closed_ = true;
    moved_.wake_all();
  }

  log::log_id id() const override { return id_; }
  std::string const& topic() const override { return topic_; }
  std::int32_t partition() const override { return partition_; }
  uuid const& topic_id() const override { return topic_id_; }
  log::log_config const& config() const override { return config_; }
  void set_config(log::log_config const& config) override { config_ = config; }
  log::offset log_start() const override { return {0}; }
  log::offset log_end() const override { return end_; }
  log::offset durable_end() const override { return durable_; }
  std::uint64_t size_bytes() const override { return bytes_; }

  expected<log::append_info, log::errc> append(log::validated_batch const& batch,
                                               log::append_rules const& rules) override {
    if (closed_) return unexpected<log::errc>(log::errc::closed);
    auto bytes = batch.bytes.to_string();
    store_be(bytes.data(), end_.value);
    store_be(bytes.data() + log::batch_layout::leader_epoch, rules.epoch.value);
    log::append_info info{.first = end_, .end = end_ + batch.header.last_offset_delta + 1};
    bytes_ += bytes.size();
    batches_[end_.value] = {std::move(bytes), info.end, batch.header.max_timestamp};
    end_ = info.end;
    if (!held_) make_durable();
    return info;
  }
  task<expected<void, log::errc>> room_for(std::size_t) override {
    co_return expected<void, log::errc>{};
  }
  task<expected<void, log::errc>> durable(log::offset end) override {
    while (durable_ < end && !closed_) (void)co_await moved_.wait();
    if (durable_ < end) co_return unexpected<log::errc>(log::errc::closed);
    co_return expected<void, log::errc>{};
  }
  waiters& durable_moved() override { return moved_; }

  task<expected<log::read_result, log::errc>> read(log::offset from, log::offset end,
                                                   log::read_limits limits) override {
    if (from.value < 0 || from > end) {
      co_return unexpected<log::errc>(log::errc::offset_out_of_range);
    }
    log::read_result result;
    auto at = batches_.upper_bound(from.value);
    if (at != batches_.begin()) --at;
    for (; at != batches_.end() && at->second.end <= end; ++at) {
      if (at->second.end <= from) continue;
      auto fits = result.records.size() + at->second.bytes.size() <= limits.max_bytes;
      if (!fits && !(result.records.empty() && limits.whole_first_batch)) break;
      result.records.append(buffer::copy_of(std::as_bytes(std::span{at->second.bytes})));
    }
    co_return result;
  }
  task<expected<log::time_lookup, log::errc>> find_by_time(wall_ms at) override {
    for (auto const& [base, batch] : batches_) {
      if (batch.max_timestamp >= at) {
        co_return log::time_lookup{batch.max_timestamp, {base}, epoch_};
      }
    }
    co_return log::time_lookup{};
  }
  task<expected<log::time_lookup, log::errc>> max_timestamp() override {
    log::time_lookup newest;
    for (auto const& [base, batch] : batches_) {
      if (batch.max_timestamp > newest.timestamp) {
        newest = {batch.max_timestamp, batch.end + -1, epoch_};
      }
    }
    co_return newest;
  }
  void begin_epoch(log::leader_epoch epoch) override { epoch_ = epoch; }
  log::leader_epoch epoch_of(log::offset) const override { return epoch_; }
  log::epoch_end end_of_epoch(log::leader_epoch) const override { return {epoch_, end_}; }
  log::leader_epoch latest_epoch() const override { return epoch_; }

 private:
  struct stored {
    std::string bytes;
    log::offset end;
    wall_ms max_timestamp = -1;
  };
  void make_durable() {
    durable_ = end_;
    moved_.wake_all();
  }

  log::log_id id_;
  std::string topic_;
  std::int32_t partition_;
  uuid topic_id_;
  log::log_config config_;
  std::map<std::int64_t, stored> batches_;
  std::uint64_t bytes_ = 0;
  log::offset end_{0};
  log::offset durable_{0};
  log::leader_epoch epoch_{};
  bool held_ = false;
  bool closed_ = false;
  waiters moved_;
};

// The logs of one core. Tests may make creations fail.
class memory_log_manager final : public log::log_manager {
 public:
  // Creation fails with no_space once so many logs exist.
  std::size_t most_logs = 1'000'000;

  task<expected<log::partition_log*, error>> create(log::log_id id, std::string topic,
                                                    std::int32_t partition, uuid topic_id,
                                                    log::log_config config) override {
    if (logs_.size() >= most_logs) {
      co_return fail(errc::no_space, "", "no space for {}-{}", topic, partition);
    }
    auto made = std::make_unique<memory_log>(id, topic, partition, topic_id, config);
    auto* log = made.get();
    logs_[id] = std::move(made);
    co_return log;
  }
  task<expected<void, error>> remove(log::log_id id) override {
    if (auto found = logs_.find(id); found != logs_.end()) {
      found->second->close();
      removed_.push_back(std::move(found.value()));
      logs_.erase(found);
    }
    co_return expected<void, error>{};
  }
  log::partition_log* find(log::log_id id) override {
    auto found = logs_.find(id);
    return found == logs_.end() ? nullptr : found->second.get();
  }
  task<expected<void, error>> close(log::progress_callback) override {
    for (auto& [id, log] : logs_) log->close();
    co_return expected<void, error>{};
  }
  std::size_t max_batch_bytes() const override { return 8 * MiB; }
  std::string const& failure() const override { return failure_; }
  std::size_t size() const { return logs_.size(); }

 private:
  hash_map<log::log_id, std::unique_ptr<memory_log>> logs_;
  std::vector<std::unique_ptr<memory_log>> removed_;
  std::string failure_;
};

}  // namespace karst::cluster::testing
