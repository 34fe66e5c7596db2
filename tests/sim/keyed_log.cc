#include "tests/sim/keyed_log.h"

#include "log/batch_cursor.h"
#include "log/decompressor.h"
#include "log/validated_batch.h"
#include "reactor/core.h"

namespace karst::sim {
namespace {

constexpr std::size_t read_size = 64 * KiB;
constexpr std::int64_t producer = 4711;

std::string text_of(log::errc code) { return std::string{log::describe(code)}; }

}  // namespace

task<std::string> keyed_book::append(log::partition_log& log, random_source& random) {
  auto const now = core::current().clock().wall_now();
  log::batch_options options{.compression = static_cast<log::codec>(random.below(5))};
  auto const in_sequence = random.percent(50);
  if (in_sequence) {
    options.producer = {producer};
    options.producer_epoch = 0;
    options.base_sequence = next_sequence_;
  }
  log::batch_builder builder{options};
  std::vector<keyed_record> records(1 + random.below(4));
  for (auto& record : records) {
    record.key = fmt::format("key {}", random.below(12));
    if (!random.percent(15)) {
      record.value = fmt::format("value {} {}", ++number_, std::string(random.below(900), 'v'));
    }
    builder.add(now, record.key, record.value);
  }
  auto batch = log::validated_batch::trusted(buffer_chain{builder.finish()});
  if (auto room = co_await log.room_for(batch.size()); !room) co_return text_of(room.error());
  auto info = log.append(batch, {.epoch = log.latest_epoch(), .now = now});
  if (!info) co_return text_of(info.error());
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i].at = info->first.value + static_cast<std::int64_t>(i);
    records_[records[i].at] = records[i];
  }
  if (in_sequence) {
    next_sequence_ += static_cast<std::int32_t>(records.size());
    newest_batch_ = batch.bytes.to_string();
    newest_base_ = info->first.value;
  }
  if (auto durable = co_await log.durable(info->end); !durable) co_return text_of(durable.error());
  acked_ = std::max(acked_, info->end.value);
  co_return "";
}

task<std::string> keyed_book::retry(log::partition_log& log) {
  if (newest_base_ < 0 || newest_base_ >= log.log_end().value) co_return "";
  auto bytes = buffer::copy_of(std::as_bytes(std::span{newest_batch_}));
  auto batch = log::validated_batch::trusted(buffer_chain{std::move(bytes)});
  auto info = log.append(batch, {.epoch = log.latest_epoch(), .now = 0});
  if (!info) co_return "retry: " + text_of(info.error());
  if (!info->duplicate) co_return "a retry was appended a second time";
  co_return info->first.value == newest_base_ ? "" : "a retry was answered wrongly";
}

void keyed_book::settle(std::int64_t end) {
  records_.erase(records_.lower_bound(end), records_.end());
  acked_ = end;
  if (newest_base_ >= end) newest_base_ = -1;
}

std::string keyed_book::check(std::vector<keyed_record> const& found, std::int64_t acked) const {
  std::string complaints;
  std::map<std::string, std::int64_t> last_found;
  std::int64_t before = -1;
  for (auto const& record : found) {
    auto known = records_.find(record.at);
    if (record.at <= before) complaints += fmt::format("{} behind {}\n", record.at, before);
    before = record.at;
    if (known == records_.end()) {
      complaints += fmt::format("{} was never appended\n", record.at);
    } else if (known->second != record) {
      complaints += fmt::format("{}: {} instead of {}\n", record.at, record.key, known->second.key);
    }
    last_found[record.key] = record.at;
  }
  // From the end: the newest acknowledged record of each key is there, or it is a tombstone and
  // nothing older is.
  std::map<std::string, std::int64_t> newest;
  for (auto const& [at, record] : records_) {
    if (at < acked) newest[record.key] = at;
  }
  for (auto const& [key, at] : newest) {
    auto const seen = last_found.find(key);
    auto const last = seen == last_found.end() ? -1 : seen->second;
    if (last >= at || (last < 0 && !records_.at(at).value)) continue;
    complaints += fmt::format("{}: the newest record is {}, found {}\n", key, at, last);
  }
  return complaints;
}

task<expected<std::vector<keyed_record>, std::string>> read_keyed(log::partition_log& log) {
  std::vector<keyed_record> records;
  for (auto at = log.log_start(); at < log.durable_end();) {
    auto got = co_await log.read(at, log.durable_end(),
                                 {.max_bytes = read_size, .whole_first_batch = true});
    if (!got) {
      co_return unexpected<std::string>{
          fmt::format("read at {}: {}", at.value, text_of(got.error()))};
    }
    // A gap up to the end.
    if (got->records.empty()) break;
    auto text = got->records.to_string();
    log::batch_cursor cursor{std::as_bytes(std::span{text})};
    auto const before = at;
    while (auto batch = cursor.next()) {
      auto const& header = batch->header;
      buffer_chain chain{buffer::copy_of(batch->bytes)};
      auto inflated = log::decompress(header.compression(), chain, log::batch_layout::records,
                                      chain.size() - log::batch_layout::records, 16 * MiB);
      if (!inflated || !log::crc_matches(batch->bytes)) {
        co_return unexpected<std::string>{fmt::format("a bad batch at {}", header.base.value)};
      }
      log::record_cursor in_batch{inflated->bytes(), header.record_count};
      while (auto const* next = in_batch.next()) {
        std::optional<std::string> value;
        if (next->value) value.emplace(*next->value);
        records.push_back({header.base.value + next->offset_delta,
                           std::string{next->key.value_or("")}, std::move(value)});
      }
      at = header.next();
    }
    if (at <= before) {
      co_return unexpected<std::string>{fmt::format("read at {} gives no batch", at.value)};
    }
  }
  co_return records;
}

}  // namespace karst::sim
