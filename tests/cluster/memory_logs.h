#pragma once

#include <algorithm>
#include <vector>

#include "log/batch.h"
#include "log/batch_search.h"
#include "log/epoch_cache.h"
#include "log/log_manager.h"
#include "log/producer_state.h"
#include "log/validated_batch.h"
#include "reactor/base/hash.h"

namespace karst::log {

// A log in memory only, for tests of what stands above logs: real offsets, epochs, producers and
// lookups; durable at once, or when the test says so.
class memory_log final : public partition_log {
 public:
  memory_log(log_id id, std::string topic, std::int32_t partition, uuid topic_id, log_config config)
      : id_(id),
        topic_(std::move(topic)),
        partition_(partition),
        topic_id_(topic_id),
        config_(config) {}

  // Tests: appends stay below durable_end until released; everything fails from now on.
  void hold() { held_ = true; }
  void release() {
    held_ = false;
    move_durable_end();
  }
  void fail(errc code) {
    failure_ = code;
    moved_.wake_all();
  }

  log_id id() const override { return id_; }
  std::string const& topic() const override { return topic_; }
  std::int32_t partition() const override { return partition_; }
  uuid const& topic_id() const override { return topic_id_; }
  log_config const& config() const override { return config_; }
  void set_config(log_config const& config) override { config_ = config; }
  offset log_start() const override { return {0}; }
  offset log_end() const override { return end_; }
  offset durable_end() const override { return durable_; }
  std::uint64_t size_bytes() const override { return bytes_; }

  expected<append_info, errc> append(validated_batch const& batch,
                                     append_rules const& rules) override {
    if (failure_) return unexpected<errc>(*failure_);
    if (!crc_matches(batch.bytes)) return unexpected<errc>(errc::corrupt_batch);
    auto const& header = batch.header;
    if (header.has_producer()) {
      auto verdict = producers_.check(header);
      if (!verdict) return unexpected<errc>(verdict.error());
      if (auto const& first = verdict->duplicate_of) {
        return append_info{.first = first->first(),
                           .end = first->last + 1,
                           .log_start = log_start(),
                           .duplicate = true};
      }
    }
    auto info = append_info{
        .first = end_, .end = end_ + header.last_offset_delta + 1, .log_start = log_start()};
    if (epochs_.latest() < rules.epoch) epochs_.assign(rules.epoch, end_);
    producers_.update(header, end_, rules.now);
    auto copy = buffer::allocate(batch.size());
    batch.bytes.copy_to(0, copy.data(), batch.size());
    stamp(copy.data(), end_, rules.epoch);
    end_ = info.end;
    bytes_ += batch.size();
    batches_.push_back({info.first, info.end, std::move(copy)});
    if (!held_) move_durable_end();
    return info;
  }
  task<expected<void, errc>> room_for(std::size_t) override { co_return expected<void, errc>{}; }
  task<expected<void, errc>> durable(offset end) override {
    while (!failure_ && durable_ < end) (void)co_await moved_.wait();
    if (failure_) co_return unexpected<errc>(*failure_);
    co_return expected<void, errc>{};
  }
  waiters& durable_moved() override { return moved_; }

  task<expected<read_result, errc>> read(offset from, offset end, read_limits limits) override {
    if (failure_) co_return unexpected<errc>(*failure_);
    if (from < log_start() || from > end) co_return unexpected<errc>(errc::offset_out_of_range);
    read_result result;
    for (auto const& each : batches_) {
      if (each.end <= from || each.end > end) continue;
      auto whole = limits.whole_first_batch && result.records.empty();
      if (!whole && result.records.size() + each.bytes.size() > limits.max_bytes) break;
      result.records.append(each.bytes.share());
    }
    co_return result;
  }
  task<expected<time_lookup, errc>> find_by_time(wall_ms at) override {
    for (auto const& each : batches_) {
      if (batch_header::decode(each.bytes.data()).max_timestamp < at) continue;
      auto found = co_await log::find_by_time(decompressors_, buffer_chain{each.bytes.share()}, at);
      if (!found) co_return unexpected<errc>(found.error());
      if (*found) co_return **found;
    }
    co_return time_lookup{};
  }
  task<expected<time_lookup, errc>> max_timestamp() override {
    wall_ms largest = -1;
    for (auto const& each : batches_) {
      largest = std::max(largest, batch_header::decode(each.bytes.data()).max_timestamp);
    }
    if (batches_.empty()) co_return time_lookup{};
    co_return co_await find_by_time(largest);
  }
  void begin_epoch(leader_epoch epoch) override { epochs_.assign(epoch, end_); }
  leader_epoch epoch_of(offset at) const override { return epochs_.epoch_of(at); }
  epoch_end end_of_epoch(leader_epoch requested) const override {
    return epochs_.end_of(requested, end_);
  }
  leader_epoch latest_epoch() const override { return epochs_.latest(); }

 private:
  struct stored {
    offset first;
    offset end;
    buffer bytes;
  };
  void move_durable_end() {
    durable_ = end_;
    moved_.wake_all();
  }

  log_id id_;
  std::string topic_;
  std::int32_t partition_;
  uuid topic_id_;
  log_config config_;
  std::vector<stored> batches_;
  offset end_{0};
  offset durable_{0};
  std::uint64_t bytes_ = 0;
  bool held_ = false;
  std::optional<errc> failure_;
  waiters moved_;
  epoch_cache epochs_;
  producer_state producers_;
  decompressor_pool decompressors_;
};

class memory_log_manager final : public log_manager {
 public:
  task<expected<partition_log*, error>> create(log_id id, std::string topic, std::int32_t partition,
                                               uuid topic_id, log_config config) override {
    auto made = std::make_unique<memory_log>(id, std::move(topic), partition, topic_id, config);
    auto* log = made.get();
    logs_[id] = std::move(made);
    co_return log;
  }
  task<expected<void, error>> remove(log_id id) override {
    if (auto* log = find_memory(id)) log->fail(errc::closed);
    // Waiters are ready, not yet gone: the log goes with the manager.
    removed_.push_back(std::move(logs_[id]));
    logs_.erase(id);
    co_return expected<void, error>{};
  }
  memory_log* find_memory(log_id id) {
    auto found = logs_.find(id);
    return found == logs_.end() ? nullptr : found->second.get();
  }
  partition_log* find(log_id id) override { return find_memory(id); }
  task<expected<void, error>> close(progress_callback) override {
    co_return expected<void, error>{};
  }
  std::size_t max_batch_bytes() const override { return 8 * MiB; }
  std::string const& failure() const override { return failure_; }

 private:
  hash_map<log_id, std::unique_ptr<memory_log>> logs_;
  std::vector<std::unique_ptr<memory_log>> removed_;
  std::string failure_;
};

}  // namespace karst::log
