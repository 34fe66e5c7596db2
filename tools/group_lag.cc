#include "tools/group_lag.h"

#include <algorithm>

#include "log/batch_cursor.h"
#include "log/decompressor.h"
#include "net/messages/describe_log_dirs.h"
#include "reactor/core.h"
#include "reactor/for_each.h"

namespace karst::tools {
namespace {

constexpr std::int32_t sample_bytes = 64 * 1024;
constexpr std::size_t partitions_at_once = 16;
// Batches without records for readers (transaction markers) may come first: so often we look
// behind them.
constexpr int samples_max = 4;
constexpr std::size_t inflated_bytes_max = 64 * MiB;

using sizes_by_partition = std::map<net::topic_partition, std::int64_t>;

// The first record at or after `from`: its timestamp, and how many of the batch are unread.
struct unread_part {
  std::optional<wall_ms> first_written;
  std::int32_t records = 0;
};

unread_part look_into(log::batch_view const& batch, std::int64_t from) {
  auto const& header = batch.header;
  auto appended = header.time() == log::timestamp_type::log_append_time;
  auto whole =
      unread_part{appended ? header.max_timestamp : header.base_timestamp, header.record_count};
  if (header.base.value >= from && appended) return whole;
  buffer_chain bytes{buffer::copy_of(batch.bytes.subspan(log::batch_layout::header_bytes))};
  auto inflated = log::decompress(header.compression(), bytes, 0, bytes.size(), inflated_bytes_max);
  // Damaged, or larger than it is worth to inflate here: the batch's own time is near enough.
  if (!inflated) return whole;
  unread_part part;
  log::record_cursor records{inflated->bytes(), header.record_count};
  while (auto const* each = records.next()) {
    if (header.base.value + each->offset_delta < from) continue;
    ++part.records;
    if (part.first_written) continue;
    part.first_written =
        appended ? header.max_timestamp : header.base_timestamp + each->timestamp_delta;
  }
  return part;
}

// Sizes on disk, of the leaders' replicas. A broker that does not tell (too old, or not allowed)
// leaves them out: the byte lag is then estimated from samples.
task<sizes_by_partition> sizes_on_disk(net::client& client,
                                       std::vector<net::topic_partition> const& partitions) {
  sizes_by_partition sizes;
  auto brokers = co_await client.every_broker();
  if (!brokers) co_return sizes;
  for (auto* broker : *brokers) {
    net::describe_log_dirs_request request;
    for (auto const& each : partitions) {
      auto& topics = *request.topics;
      if (topics.empty() || topics.back().topic != each.topic) {
        topics.push_back({.topic = each.topic});
      }
      topics.back().partitions.push_back(each.partition);
    }
    auto reply = co_await broker->ask<net::describe_log_dirs_response>(std::move(request));
    if (!reply) continue;
    for (auto const& directory : (*reply)->results) {
      for (auto const& topic : directory.topics) {
        for (auto const& each : topic.partitions) {
          auto& size = sizes[{topic.name, each.index}];
          if (!each.is_future_key) size = std::max(size, each.partition_size);
        }
      }
    }
  }
  co_return sizes;
}

// The sample from the first unread offset on, and behind what holds no records for readers.
task<expected<unread_sample, error>> read_sample(net::client& client, net::topic_partition where,
                                                 std::int64_t from, std::int64_t end) {
  unread_sample sample{.next = from};
  net::fetch_options options{
      .max_wait_ms = 0, .max_bytes = sample_bytes, .partition_max_bytes = sample_bytes};
  for (int reads = 0; reads < samples_max && sample.next < end && !sample.first_written; ++reads) {
    auto got = co_await client.fetch(where.topic, {{where.partition, sample.next}}, options);
    if (!got) co_return unexpected<error>(got.error());
    auto bytes = got->front().records.linearize();
    auto more = sample_unread(bytes.bytes(), sample.next);
    if (more.next == sample.next) break;
    sample.bytes += more.bytes;
    sample.next = more.next;
    sample.first_written = more.first_written;
  }
  co_return sample;
}

task<expected<void, error>> measure(net::client& client, partition_lag& lag,
                                    std::optional<std::int64_t> size) {
  auto first = co_await client.offset_at(lag.where, net::earliest_timestamp);
  auto end = co_await client.offset_at(lag.where, net::latest_timestamp);
  if (!first || !end) co_return unexpected<error>(first ? end.error() : first.error());
  lag.log_start = *first;
  lag.end = *end;
  if (!lag.committed) co_return expected<void, error>{};
  // What was deleted before the group read it is lost to it, and not behind.
  auto from = std::max(*lag.committed, lag.log_start);
  lag.records = std::max<std::int64_t>(lag.end - from, 0);
  lag.bytes = 0;
  lag.bytes_exact = true;
  lag.seconds = 0;
  if (*lag.records == 0) co_return expected<void, error>{};
  auto sample = co_await read_sample(client, lag.where, from, lag.end);
  if (!sample) co_return unexpected<error>(sample.error());
  auto behind = bytes_behind(*sample, lag, size);
  lag.bytes = behind.bytes;
  lag.bytes_exact = behind.exact;
  lag.seconds.reset();
  if (sample->first_written) {
    lag.seconds = seconds_behind(*sample->first_written, core::current().clock().wall_now());
  } else if (sample->next >= lag.end) {
    lag.seconds = 0;  // only markers: a reader would get nothing
  }
  co_return expected<void, error>{};
}

task<> measure_into(net::client& client, sizes_by_partition const& sizes, partition_lag& lag) {
  auto size = sizes.find(lag.where);
  auto done = co_await measure(client, lag,
                               size == sizes.end() ? std::nullopt : std::optional{size->second});
  if (!done) lag.problem = done.error();
}

}  // namespace

unread_sample sample_unread(std::span<std::byte const> batches, std::int64_t from) {
  unread_sample sample{.next = from};
  log::batch_cursor cursor{batches};
  while (auto batch = cursor.next()) {
    auto const& header = batch->header;
    if (header.next().value <= from) continue;
    auto bytes = header.size_bytes();
    if (!header.control() && (!sample.first_written || header.base.value < from)) {
      auto part = look_into(*batch, from);
      if (!sample.first_written) sample.first_written = part.first_written;
      if (header.record_count > 0 && header.base.value < from) {
        bytes = bytes * static_cast<std::size_t>(part.records) /
                static_cast<std::size_t>(header.record_count);
      }
    }
    sample.bytes += bytes;
    sample.next = header.next().value;
  }
  return sample;
}

byte_lag bytes_behind(unread_sample const& sample, partition_lag const& lag,
                      std::optional<std::int64_t> partition_bytes) {
  if (sample.next >= lag.end) return {sample.bytes, true};
  auto from = std::max(lag.committed.value_or(lag.log_start), lag.log_start);
  auto unread = static_cast<double>(lag.end - from);
  auto whole = static_cast<double>(lag.end - lag.log_start);
  if (partition_bytes && *partition_bytes > 0) {
    auto share = static_cast<double>(*partition_bytes) * unread / whole;
    return {std::max(static_cast<std::uint64_t>(share), sample.bytes), false};
  }
  if (sample.next <= from) return {};
  auto each = static_cast<double>(sample.bytes) / static_cast<double>(sample.next - from);
  return {static_cast<std::uint64_t>(each * unread), false};
}

double seconds_behind(wall_ms first_written, wall_ms now) {
  return first_written < now ? static_cast<double>(now - first_written) / 1000 : 0;
}

task<expected<std::vector<partition_lag>, error>> measure_lag(
    net::client& client, std::vector<net::topic_partition> partitions,
    net::offsets_by_partition committed) {
  std::vector<partition_lag> lags;
  for (auto const& each : partitions) {
    auto found = committed.find(each);
    auto known = found == committed.end() ? std::nullopt : std::optional{found->second};
    lags.push_back({.where = each, .committed = known});
  }
  auto sizes = co_await sizes_on_disk(client, partitions);
  std::vector<partition_lag*> places;
  for (auto& each : lags) places.push_back(&each);
  co_await for_each_concurrently(places, partitions_at_once, [&](partition_lag* lag) {
    return measure_into(client, sizes, *lag);
  });
  co_return lags;
}

}  // namespace karst::tools
