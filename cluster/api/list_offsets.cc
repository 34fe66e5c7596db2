#include <map>

#include "cluster/api/errors.h"
#include "cluster/api/handlers.h"
#include "cluster/api/owners.h"

namespace karst::cluster {
namespace {

using partition_answer = net::list_offsets_response::partition;

constexpr std::int32_t consumer_replica = -1;
constexpr std::int32_t debugging_replica = -2;

struct lookup_job {
  log::log_id log;
  std::int32_t current_leader_epoch = -1;
  std::int64_t timestamp = 0;
  bool to_log_end = false;
};

struct lookup_result {
  net::error_code error = net::error_code::none;
  log::time_lookup found{};
};

lookup_result answer_of(expected<log::time_lookup, log::errc> const& found) {
  if (!found) return {.error = to_error_code(found.error())};
  // No such record is an answer, not an error.
  if (found->at == log::no_offset) return {};
  return {.found = *found};
}

task<lookup_result> look_up(broker& broker, lookup_job const& job) {
  auto* partition = broker.partitions().find(job.log);
  if (partition == nullptr)
    co_return lookup_result{.error = net::error_code::not_leader_or_follower};
  if (auto error = check_epoch(partition->leader_epoch(), job.current_leader_epoch);
      error != net::error_code::none) {
    co_return lookup_result{.error = error};
  }
  auto& log = partition->log();
  switch (job.timestamp) {
    case net::latest_timestamp:
      co_return lookup_result{
          .found = {.at = job.to_log_end ? log.log_end() : partition->last_stable_offset(),
                    .epoch = partition->leader_epoch()}};
    case net::earliest_timestamp:
    case net::earliest_local_timestamp:
      co_return lookup_result{
          .found = {.at = log.log_start(), .epoch = log.epoch_of(log.log_start())}};
    case net::latest_tiered_timestamp:
      co_return lookup_result{};  // nothing is remote
    case net::max_timestamp:
      co_return answer_of(co_await partition->max_timestamp());
    default:
      co_return answer_of(co_await partition->find_by_time(job.timestamp));
  }
}

task<std::vector<lookup_result>> look_up_all(broker& broker, std::span<lookup_job const> jobs) {
  std::vector<lookup_result> results;
  for (auto const& job : jobs) results.push_back(co_await look_up(broker, job));
  co_return results;
}

// Negative timestamps are names of positions; which of them exist depends on the version.
bool is_known_timestamp(std::int64_t timestamp, std::int16_t version) {
  switch (timestamp) {
    case net::latest_timestamp:
    case net::earliest_timestamp:
      return true;
    case net::max_timestamp:
      return version >= 7;
    case net::earliest_local_timestamp:
      return version >= 8;
    case net::latest_tiered_timestamp:
      return version >= 9;
    default:
      return timestamp >= 0;
  }
}

void fill(partition_answer& answer, lookup_result const& result) {
  answer.error = result.error;
  answer.timestamp = result.found.timestamp;
  answer.offset = result.found.at.value;
  answer.leader_epoch = result.found.epoch.value;
}

}  // namespace

task<net::list_offsets_response> handle(request_context& context,
                                        net::list_offsets_request const& request) {
  auto& broker = context.broker;
  auto snapshot = broker.metadata().current();
  std::vector<lookup_result> results;
  std::vector<owned_job<lookup_job>> jobs;
  // A partition named twice has no one answer: refused each time, as Kafka does.
  std::map<std::pair<std::string_view, std::int32_t>, int> mentions;
  for (auto const& topic : request.topics) {
    for (auto const& partition : topic.partitions) ++mentions[{topic.name, partition.index}];
  }
  for (auto const& topic : request.topics) {
    for (auto const& partition : topic.partitions) {
      auto place = results.size();
      auto& result = results.emplace_back();
      auto target = find_owner(broker, *snapshot, topic.name, partition.index);
      if (mentions[{topic.name, partition.index}] > 1) {
        result.error = net::error_code::invalid_request;
      } else if (request.replica_id != consumer_replica &&
                 request.replica_id != debugging_replica) {
        result.error = net::error_code::cluster_authorization_failed;
      } else if (!is_known_timestamp(partition.timestamp, context.version)) {
        result.error = net::error_code::unsupported_version;
      } else if (!target) {
        result.error = target.error();
      } else {
        jobs.push_back({target->core,
                        place,
                        {target->log, partition.current_leader_epoch, partition.timestamp,
                         request.replica_id == debugging_replica}});
      }
    }
  }
  if (!jobs.empty())
    co_await on_owners<lookup_result>(broker, std::move(jobs), &look_up_all, results);

  net::list_offsets_response response;
  std::size_t place = 0;
  for (auto const& topic : request.topics) {
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (auto const& partition : topic.partitions) {
      fill(answer.partitions.emplace_back(partition_answer{.index = partition.index}),
           results[place++]);
    }
  }
  co_return response;
}

}  // namespace karst::cluster
