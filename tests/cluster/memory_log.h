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

namespace karst::cluster::testing {

// A log in memory only, for tests of what stands above logs: real offsets, epochs, producers and
// lookups; durable at once, or when the test says so.
class memory_log final : public log::partition_log {
 public:
  memory_log(log::log_id id, std::string topic, std::int32_t partition, uuid topic_id,
             log::log_config config)
      : id_(id),
        topic_(std::move(topic)),
        partition_(partition),
        topic_id_(topic_id),
        config_(config) {}

  // Tests: appends stay below durable_end, or find no room, until released; everything fails from
  // now on.
  void hold() { held_ = true; }
  void hold_room() { no_room_ = true; }
  // The next append finds no room, though there was some when it was asked for.
  void take_room_once() { room_taken_ = true; }
  void release() {
    held_ = false;
    no_room_ = false;
    room_.wake_all();
    move_durable_end();
  }
  void close() { fail(log::errc::closed); }
  void fail(log::errc code) {
    failure_ = code;
    moved_.wake_all();
  }

  log::log_id id() const override { return id_; }
  std::string const& topic() const override { return topic_; }
  std::int32_t partition() const override { return partition_; }
  uuid const& topic_id() const override { return topic_id_; }
  log::log_config const& config() const override { return config_; }
  void set_config(log::log_config const& config) override { config_ = config; }
  log::offset log_start() const override { return start_; }
  log::offset log_end() const override { return end_; }
  log::offset durable_end() const override { return durable_; }
  std::uint64_t size_bytes() const override { return bytes_; }
  std::optional<log::errc> refusal() const override { return failure_; }

  expected<log::append_info, log::errc> append(log::validated_batch const& batch,
                                               log::append_rules const& rules) override {
    if (failure_) return unexpected<log::errc>(*failure_);
    if (std::exchange(room_taken_, false) || no_room_) {
      return unexpected<log::errc>(log::errc::space_exhausted);
    }
    if (!log::crc_matches(batch.bytes)) return unexpected<log::errc>(log::errc::corrupt_batch);
    auto const& header = batch.header;
    if (header.has_producer()) {
      auto verdict = producers_.check(header);
      if (!verdict) return unexpected<log::errc>(verdict.error());
      if (auto const& first = verdict->duplicate_of) {
        return log::append_info{.first = first->first(),
                                .end = first->last + 1,
                                .log_start = log_start(),
                                .duplicate = true};
      }
    }
    auto info = log::append_info{
        .first = end_, .end = end_ + header.last_offset_delta + 1, .log_start = log_start()};
    if (epochs_.latest() < rules.epoch) epochs_.assign(rules.epoch, end_);
    producers_.update(header, end_, rules.now);
    auto copy = buffer::allocate(batch.size());
    batch.bytes.copy_to(0, copy.data(), batch.size());
    log::stamp(copy.data(), end_, rules.epoch);
    end_ = info.end;
    bytes_ += batch.size();
    batches_.push_back({info.first, info.end, std::move(copy)});
    if (!held_) move_durable_end();
    return info;
  }
  task<expected<void, log::errc>> room_for(std::size_t, time_point deadline) override {
    while (no_room_) {
      if (co_await room_.wait(deadline) == wake_reason::timed_out) {
        co_return unexpected<log::errc>(log::errc::timed_out);
      }
    }
    co_return expected<void, log::errc>{};
  }
  task<expected<void, log::errc>> durable(log::offset end, time_point deadline) override {
    while (!failure_ && durable_ < end) {
      if (co_await moved_.wait(deadline) == wake_reason::timed_out) {
        co_return unexpected<log::errc>(log::errc::timed_out);
      }
    }
    if (failure_) co_return unexpected<log::errc>(*failure_);
    co_return expected<void, log::errc>{};
  }
  task<expected<void, log::errc>> advance_log_start(log::offset to) override {
    if (failure_) co_return unexpected<log::errc>(*failure_);
    if (to > durable_) co_return unexpected<log::errc>(log::errc::offset_out_of_range);
    start_ = std::max(start_, to);
    co_return expected<void, log::errc>{};
  }
  waiters& durable_moved() override { return moved_; }

  task<expected<log::read_result, log::errc>> read(log::offset from, log::offset end,
                                                   log::read_limits limits) override {
    if (failure_) co_return unexpected<log::errc>(*failure_);
    if (from < log_start() || from > end)
      co_return unexpected<log::errc>(log::errc::offset_out_of_range);
    log::read_result result;
    for (auto const& each : batches_) {
      if (each.end <= from || each.end > end) continue;
      result.available += each.bytes.size();
      auto whole = limits.whole_first_batch && result.records.empty();
      auto room = limits.max_bytes - std::min(limits.max_bytes, result.records.size());
      if (room == 0 && !whole) continue;
      // The last batch may be cut, as in a real log's answer.
      auto batch = buffer_chain{each.bytes.share()};
      result.records.append(batch.slice(0, whole ? batch.size() : std::min(room, batch.size())));
    }
    co_return result;
  }
  task<expected<log::time_lookup, log::errc>> find_by_time(wall_ms at) override {
    for (auto const& each : batches_) {
      if (log::batch_header::decode(each.bytes.data()).max_timestamp < at) continue;
      auto found = co_await log::find_by_time(decompressors_, buffer_chain{each.bytes.share()}, at);
      if (!found) co_return unexpected<log::errc>(found.error());
      if (*found) co_return **found;
    }
    co_return log::time_lookup{};
  }
  task<expected<log::time_lookup, log::errc>> max_timestamp() override {
    wall_ms largest = -1;
    for (auto const& each : batches_) {
      largest = std::max(largest, log::batch_header::decode(each.bytes.data()).max_timestamp);
    }
    if (batches_.empty()) co_return log::time_lookup{};
    co_return co_await find_by_time(largest);
  }
  task<expected<void, log::errc>> truncate(log::offset end) override {
    if (failure_) co_return unexpected<log::errc>(*failure_);
    if (end >= end_) co_return expected<void, log::errc>{};
    while (!batches_.empty() && batches_.back().end > end) {
      bytes_ -= batches_.back().bytes.size();
      batches_.pop_back();
    }
    end_ = end;
    durable_ = std::min(durable_, end);
    start_ = std::min(start_, end);
    epochs_.truncate_from_end(end);
    (void)producers_.truncate(end);
    co_return expected<void, log::errc>{};
  }
  task<expected<void, log::errc>> truncate_fully_and_start_at(log::offset start) override {
    if (failure_) co_return unexpected<log::errc>(*failure_);
    batches_.clear();
    bytes_ = 0;
    start_ = end_ = durable_ = start;
    epochs_ = {};
    producers_.clear();
    co_return expected<void, log::errc>{};
  }
  void begin_epoch(log::leader_epoch epoch) override { epochs_.assign(epoch, end_); }
  log::leader_epoch epoch_of(log::offset at) const override { return epochs_.epoch_of(at); }
  log::epoch_end end_of_epoch(log::leader_epoch requested) const override {
    return epochs_.end_of(requested, end_);
  }
  log::leader_epoch latest_epoch() const override { return epochs_.latest(); }

 private:
  struct stored {
    log::offset first;
    log::offset end;
    buffer bytes;
  };
  void move_durable_end() {
    durable_ = end_;
    moved_.wake_all();
  }

  log::log_id id_;
  std::string topic_;
  std::int32_t partition_;
  uuid topic_id_;
  log::log_config config_;
  std::vector<stored> batches_;
  log::offset start_{0};
  log::offset end_{0};
  log::offset durable_{0};
  std::uint64_t bytes_ = 0;
  bool held_ = false;
  bool no_room_ = false;
  bool room_taken_ = false;
  waiters room_;
  std::optional<log::errc> failure_;
  waiters moved_;
  log::epoch_cache epochs_;
  log::producer_state producers_;
  log::decompressor_pool decompressors_;
};

// The logs of one core. Tests may make creations fail.
class memory_log_manager final : public log::log_manager {
 public:
  task<expected<void, error>> recover(std::vector<log::log_id>,
                                      std::function<void(log::partition_log&)>,
                                      log::progress_callback) override {
    co_return expected<void, error>{};
  }
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
  memory_log* find_memory(log::log_id id) {
    auto found = logs_.find(id);
    return found == logs_.end() ? nullptr : found->second.get();
  }
  log::partition_log* find(log::log_id id) override { return find_memory(id); }
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
