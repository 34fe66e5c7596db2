#include "cluster/api/fetch_reader.h"

#include "cluster/api/errors.h"
#include "cluster/api/owners.h"
#include "log/batch.h"

namespace karst::cluster {
namespace {

// From this version on clients know KAFKA_STORAGE_ERROR; from that one on they read zstd (KIP-110).
constexpr std::int16_t knows_storage_error = 6;
constexpr std::int16_t knows_zstd = 10;

log::batch_header header_at(buffer_chain const& records, std::size_t at) {
  std::byte scratch[log::batch_layout::header_bytes];
  return log::batch_header::decode(records.contiguous(at, sizeof scratch, scratch));
}

// Whether a batch among these, the last of which may be cut, is compressed with zstd.
bool has_zstd(buffer_chain const& records) {
  for (std::size_t at = 0; records.size() - at >= log::batch_layout::header_bytes;) {
    auto header = header_at(records, at);
    if (header.codec_bits() == static_cast<int>(log::codec::zstd)) return true;
    if (header.size_bytes() > records.size() - at) return false;
    at += header.size_bytes();
  }
  return false;
}

// Where the last whole batch ends.
std::size_t end_of_whole(buffer_chain const& records) {
  std::size_t at = 0;
  while (records.size() - at >= log::batch_layout::header_bytes) {
    auto size = header_at(records, at).size_bytes();
    if (size > records.size() - at) break;
    at += size;
  }
  return at;
}

// KIP-595: a reader whose last epoch ended earlier here than it thinks is told where, instead of
// records.
net::error_code check_divergence(log::partition_log const& log, fetch_job const& job,
                                 fetch_result& result) {
  if (job.last_fetched_epoch < 0) return net::error_code::none;
  auto end = log.end_of_epoch({job.last_fetched_epoch});
  if (end.epoch.value < 0 || end.end == log::no_offset || job.from < log.log_start()) {
    return net::error_code::offset_out_of_range;
  }
  if (end.epoch.value < job.last_fetched_epoch || end.end < job.from) result.diverging = end;
  return net::error_code::none;
}

fetch_result result_of(fetch_job const& job) {
  return {.place = job.place, .turn = job.turn, .max_bytes = job.max_bytes, .asked_log = true};
}

fetch_result failed(fetch_job const& job, net::error_code error, std::int16_t version) {
  auto result = result_of(job);
  result.error = for_version(error, version, knows_storage_error);
  return result;
}

// A reader that has everything, and knows it: most partitions of a large session, most of the time.
bool is_idle(partition& partition, fetch_job const& job) {
  auto& log = partition.log();
  return job.from == job.told_high_watermark && job.from == partition.high_watermark() &&
         job.told_log_start == log.log_start() && !log.refusal() &&
         check_epoch(partition.leader_epoch(), job.current_leader_epoch) == net::error_code::none &&
         (job.last_fetched_epoch < 0 || job.last_fetched_epoch == log.latest_epoch().value);
}

// The records of `result`, unless not even the first batch is whole: a client cannot use a part of
// it, and Kafka's gives up at one.
void take_records(buffer_chain records, bool whole_batches, fetch_result& result) {
  if (records.size() < log::batch_layout::header_bytes) return;
  if (header_at(records, 0).size_bytes() > records.size()) return;
  if (whole_batches && records.size() < result.available) {
    records = records.slice(0, end_of_whole(records));
  }
  result.bytes = records.size();
  result.records = foreign{std::move(records)};
}

task<fetch_result> read_one(partition& partition, fetch_job const& job, fetch_bounds bounds) {
  auto version = bounds.version;
  auto error = check_epoch(partition.leader_epoch(), job.current_leader_epoch);
  if (error != net::error_code::none) co_return failed(job, error, version);

  auto result = result_of(job);
  result.high_watermark = partition.high_watermark();
  result.last_stable = partition.last_stable_offset();
  result.log_start = partition.log().log_start();
  error = check_divergence(partition.log(), job, result);
  if (error != net::error_code::none) co_return failed(job, error, version);
  if (result.diverges()) co_return result;

  // Written but not committed yet: nothing to see, and no reason to start over either.
  if (job.from > result.high_watermark && job.from <= partition.log().log_end()) co_return result;
  log::read_limits limits{.max_bytes = std::min<std::size_t>(job.max_bytes, bounds.budget),
                          .whole_first_batch = bounds.whole_first_batch};
  auto read = co_await partition.read(job.from, read_bound::high_watermark, limits);
  if (!read) co_return failed(job, to_error_code(read.error()), version);
  if (version < knows_zstd && has_zstd(read->records)) {
    auto refused = failed(job, net::error_code::unsupported_compression_type, version);
    refused.asked_log = false;  // Kafka refuses it after reading
    co_return refused;
  }
  result.available = std::min<std::uint64_t>(read->available, job.max_bytes);
  result.older_segment = read->older_segment;
  take_records(std::move(read->records), bounds.whole_batches, result);
  co_return result;
}

}  // namespace

task<std::vector<fetch_result>> read_partitions(broker& broker, std::span<fetch_job const> jobs,
                                                fetch_bounds bounds) {
  std::vector<fetch_result> results;
  for (auto const& job : jobs) {
    auto* partition = broker.partitions().find(job.log);
    if (partition == nullptr) {
      results.push_back(failed(job, net::error_code::not_leader_or_follower, bounds.version));
      continue;
    }
    if (is_idle(*partition, job)) continue;
    auto& result = results.emplace_back(co_await read_one(*partition, job, bounds));
    bounds.budget -= std::min(bounds.budget, result.bytes);
    bounds.whole_first_batch = bounds.whole_first_batch && result.bytes == 0;
  }
  co_return results;
}

}  // namespace karst::cluster
