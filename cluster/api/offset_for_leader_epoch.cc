#include "cluster/api/errors.h"
#include "cluster/api/handlers.h"
#include "cluster/api/owners.h"

namespace karst::cluster {
namespace {

using partition_answer = net::offset_for_leader_epoch_response::partition;

struct epoch_job {
  log::log_id log;
  std::int32_t current_leader_epoch = -1;
  log::leader_epoch asked;
};

struct epoch_result {
  net::error_code error = net::error_code::none;
  log::epoch_end end{};
};

epoch_result find_end(broker& broker, epoch_job const& job) {
  auto* partition = broker.partitions().find(job.log);
  if (partition == nullptr) return {.error = net::error_code::not_leader_or_follower};
  auto error = check_epoch(partition->leader_epoch(), job.current_leader_epoch);
  if (error != net::error_code::none) return {.error = error};
  return {.end = partition->log().end_of_epoch(job.asked)};
}

task<std::vector<epoch_result>> find_ends(broker& broker, std::span<epoch_job const> jobs) {
  std::vector<epoch_result> results;
  for (auto const& job : jobs) results.push_back(find_end(broker, job));
  co_return results;
}

}  // namespace

task<net::offset_for_leader_epoch_response> handle(
    request_context& context, net::offset_for_leader_epoch_request const& request) {
  auto& broker = context.broker;
  auto snapshot = broker.metadata().current();
  std::vector<epoch_result> results;
  std::vector<owned_job<epoch_job>> jobs;
  for (auto const& topic : request.topics) {
    for (auto const& partition : topic.partitions) {
      auto place = results.size();
      auto& result = results.emplace_back();
      auto target = find_owner(broker, *snapshot, topic.name, partition.index);
      // Followers ask with their id; none can exist yet. Consumers ask with -1, older ones with -2.
      if (request.replica_id >= 0) {
        result.error = net::error_code::cluster_authorization_failed;
      } else if (!target) {
        result.error = target.error();
      } else {
        jobs.push_back({target->core,
                        place,
                        {target->log, partition.current_leader_epoch, {partition.leader_epoch}}});
      }
    }
  }
  if (!jobs.empty()) co_await on_owners<epoch_result>(broker, std::move(jobs), &find_ends, results);

  net::offset_for_leader_epoch_response response;
  std::size_t place = 0;
  for (auto const& topic : request.topics) {
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (auto const& partition : topic.partitions) {
      auto const& result = results[place++];
      answer.partitions.push_back({.error = result.error,
                                   .index = partition.index,
                                   .leader_epoch = result.end.epoch.value,
                                   .end_offset = result.end.end.value});
    }
  }
  co_return response;
}

}  // namespace karst::cluster
