#pragma once

#include <span>
#include <vector>

#include "cluster/broker.h"
#include "net/messages/leader_hint.h"
#include "net/wire/error_codes.h"
#include "reactor/base/expected.h"
#include "reactor/submit_to.h"
#include "reactor/task_set.h"

namespace karst::cluster {

// Where a partition that a request names is to be found.
struct owner {
  core_id core = no_core;
  log::log_id log;
  log::leader_epoch epoch;
};

// UNKNOWN_TOPIC_OR_PARTITION when the snapshot has no such partition; KAFKA_STORAGE_ERROR when its
// log is offline; LEADER_NOT_AVAILABLE or NOT_LEADER_OR_FOLLOWER when this broker does not lead it.
expected<owner, net::error_code> find_owner(broker& broker, metadata_snapshot const& snapshot,
                                            std::string_view topic, std::int32_t partition);

// The same for a partition that has been looked up; nullptr: there is none.
expected<owner, net::error_code> find_owner(broker& broker, partition_metadata const* found);

// KIP-951: who leads the partition, for a client that came to the wrong broker or with an old
// epoch. The leader's address joins `endpoints`, once. Nothing is known of a partition that does
// not exist.
net::leader_id_and_epoch leader_hint(metadata_snapshot const& snapshot, std::string_view topic,
                                     std::int32_t partition,
                                     std::vector<net::node_endpoint>& endpoints);

// KIP-320: -1 asks for no check; an older epoch than the leader's is fenced, a newer one is not
// known here yet.
net::error_code check_epoch(log::leader_epoch leader, std::int32_t clients);

// A piece of work for the core that owns a partition, and the place of its result.
template <typename Job>
struct owned_job {
  core_id core = no_core;
  std::size_t place = 0;
  Job job;
};

namespace internal {

template <typename Job>
struct core_jobs {
  core_id core = no_core;
  std::vector<Job> jobs;
  std::vector<std::size_t> places;
};

template <typename Result, typename Job>
using owner_work = task<std::vector<Result>> (*)(broker&, std::span<Job const>);

template <typename Result, typename Job>
task<> run_on_owner(broker& broker, core_jobs<Job> const& group, owner_work<Result, Job> work,
                    std::vector<Result>& results) {
  std::span<Job const> jobs{group.jobs};
  auto done = co_await submit_to(group.core, [&broker, jobs, work] { return work(broker, jobs); });
  for (std::size_t i = 0; i < done.size(); ++i) results[group.places[i]] = std::move(done[i]);
}

}  // namespace internal

// Runs `work` once on every core that owns something of `jobs`, on all cores at the same time, each
// with its jobs in their order; puts result i of a job with place p at [p]. All cores have been
// asked before the first suspension, so that requests of one connection reach every partition in
// their order. The jobs stay in this core's memory: owners may read them and must not count
// references.
template <typename Result, typename Job>
task<> on_owners(broker& broker, std::vector<owned_job<Job>> jobs,
                 internal::owner_work<Result, Job> work, std::vector<Result>& results) {
  // Nearly every request of a busy producer: nothing to sort, and nothing to allocate for it.
  if (jobs.size() == 1) {
    auto const& only = jobs.front();
    std::span<Job const> job{&only.job, 1};
    auto done = co_await submit_to(only.core, [&broker, job, work] { return work(broker, job); });
    results[only.place] = std::move(done.front());
    co_return;
  }
  std::vector<internal::core_jobs<Job>> groups;
  for (auto& each : jobs) {
    auto group = std::ranges::find(groups, each.core, &internal::core_jobs<Job>::core);
    if (group == groups.end())
      group = groups.insert(group, internal::core_jobs<Job>{each.core, {}, {}});
    group->jobs.push_back(std::move(each.job));
    group->places.push_back(each.place);
  }
  if (groups.size() == 1) {
    co_await internal::run_on_owner(broker, groups.front(), work, results);
    co_return;
  }
  task_set running;
  for (auto const& group : groups)
    running.spawn(internal::run_on_owner(broker, group, work, results));
  co_await running.join();
}

}  // namespace karst::cluster
