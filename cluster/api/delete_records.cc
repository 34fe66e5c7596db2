#include "cluster/api/distinct.h"
#include "cluster/api/errors.h"
#include "cluster/api/handlers.h"
#include "cluster/api/owners.h"

namespace karst::cluster {
namespace {

struct deletion_job {
  log::log_id log;
  std::int64_t offset = 0;
};

struct deletion_result {
  net::error_code error = net::error_code::none;
  std::int64_t low_watermark = -1;
};

task<deletion_result> delete_one(broker& broker, deletion_job const& job) {
  auto* partition = broker.partitions().find(job.log);
  if (partition == nullptr) {
    co_return deletion_result{.error = net::error_code::not_leader_or_follower};
  }
  // What is only compacted promises the last record of each key.
  if (!partition->log().config().delete_old) {
    co_return deletion_result{.error = net::error_code::policy_violation};
  }
  auto start = co_await partition->delete_records(job.offset);
  if (!start) co_return deletion_result{.error = to_error_code(start.error())};
  co_return deletion_result{.low_watermark = start->value};
}

task<> delete_into(broker& broker, deletion_job const& job, deletion_result& result) {
  result = co_await delete_one(broker, job);
}

task<std::vector<deletion_result>> delete_all(broker& broker, std::span<deletion_job const> jobs) {
  std::vector<deletion_result> results(jobs.size());
  task_set running;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    running.spawn(delete_into(broker, jobs[i], results[i]));
  }
  co_await running.join();
  co_return results;
}

}  // namespace

task<net::delete_records_response> handle(request_context& context,
                                          net::delete_records_request const& request) {
  auto& broker = context.broker;
  auto snapshot = broker.metadata().current();
  auto topics = distinct(request.topics);
  std::vector<deletion_result> results;
  std::vector<owned_job<deletion_job>> jobs;
  for (auto const& topic : topics) {
    auto const* found = snapshot->find(topic.name);
    for (auto const& partition : topic.partitions) {
      auto place = results.size();
      auto& result = results.emplace_back();
      auto const* known = found == nullptr ? nullptr : found->find(partition.asked->index);
      auto owner = find_owner(broker, known);
      if (!owner) {
        result.error = owner.error();
      } else if (found->internal) {
        result.error = net::error_code::invalid_topic_exception;
      } else {
        jobs.push_back({owner->core, place, {owner->log, partition.asked->offset}});
      }
    }
  }
  if (!jobs.empty()) {
    co_await on_owners<deletion_result>(broker, std::move(jobs), &delete_all, results);
  }
  net::delete_records_response response;
  std::size_t place = 0;
  for (auto const& topic : topics) {
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (auto const& partition : topic.partitions) {
      auto const& result = results[place++];
      answer.partitions.push_back({.index = partition.asked->index,
                                   .low_watermark = result.low_watermark,
                                   .error = result.error});
    }
  }
  co_return response;
}

}  // namespace karst::cluster
