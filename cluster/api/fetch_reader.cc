#include "cluster/api/fetch_reader.h"

#include "cluster/api/errors.h"
#include "cluster/api/owners.h"
#include "log/batch.h"

namespace karst::cluster {
namespace {

// From this version on clients know KAFKA_STORAGE_ERROR; from that one on they read zstd (KIP-110).
constexpr std::int16_t knows_storage_error = 6;
constexpr std::int16_t knows_zstd = 10;

// Whether a batch among these, the last of which may be cut, is compressed with zstd.
bool has_zstd(buffer_chain const& records) {
  for (std::size_t at = 0; records.size() - at >= log::batch_layout::header_bytes;) {
    std::byte scratch[log::batch_layout::header_bytes];
    auto header = log::batch_header::decode(records.contiguous(at, sizeof scratch, scratch));
    if (header.codec_bits() == static_cast<int>(log::codec::zstd)) return true;
    if (header.size_bytes() > records.size() - at) return false;
    at += header.size_bytes();
  }
  return false;
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

fetch_result failed(net::error_code error, std::int16_t version) {
  fetch_result result;
  result.error = for_version(error, version, knows_storage_error);
  result.asked_log = true;
  return result;
}

task<fetch_result> read_one(broker& broker, fetch_job const& job, std::size_t budget, bool first) {
  auto* partition = broker.partitions().find(job.log);
  if (partition == nullptr) co_return failed(net::error_code::not_leader_or_follower, job.version);
  auto error = check_epoch(partition->leader_epoch(), job.current_leader_epoch);
  if (error != net::error_code::none) co_return failed(error, job.version);

  fetch_result result;
  result.asked_log = true;
  result.high_watermark = partition->high_watermark();
  result.last_stable = partition->last_stable_offset();
  result.log_start = partition->log().log_start();
  error = check_divergence(partition->log(), job, result);
  if (error != net::error_code::none) co_return failed(error, job.version);
  if (result.diverging.end != log::no_offset) co_return result;

  // Written but not committed yet: nothing to see, and no reason to start over either.
  if (job.from > result.high_watermark && job.from <= partition->log().log_end()) co_return result;
  log::read_limits limits{.max_bytes = std::min(job.max_bytes, budget), .whole_first_batch = first};
  auto read = co_await partition->read(job.from, read_bound::high_watermark, limits);
  if (!read) co_return failed(to_error_code(read.error()), job.version);
  if (job.version < knows_zstd && has_zstd(read->records)) {
    auto refused = failed(net::error_code::unsupported_compression_type, job.version);
    refused.asked_log = false;  // Kafka refuses it after reading
    co_return refused;
  }
  result.bytes = read->records.size();
  result.max_bytes = job.max_bytes;
  result.older_segment = read->older_segment;
  if (result.bytes != 0) result.records = foreign{std::move(read->records)};
  co_return result;
}

}  // namespace

task<std::vector<fetch_result>> read_partitions(broker& broker, std::vector<fetch_job> const& jobs,
                                                std::size_t budget) {
  std::vector<fetch_result> results;
  bool first = true;
  results.reserve(jobs.size());
  for (auto const& job : jobs) {
    auto& result = results.emplace_back(co_await read_one(broker, job, budget, first));
    budget -= std::min(budget, result.bytes);
    first = first && result.bytes == 0;
  }
  co_return results;
}

}  // namespace karst::cluster
