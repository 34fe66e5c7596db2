#include "cluster/api/fetch_plan.h"

#include "cluster/api/errors.h"
#include "cluster/api/owners.h"
#include "cluster/movement.h"

namespace karst::cluster {
namespace {

constexpr std::int16_t knows_storage_error = 6;

// Results of several cores in the order of service.
void sort_by_turn(std::vector<fetch_result>& results) {
  if (!std::ranges::is_sorted(results, {}, &fetch_result::turn)) {
    std::ranges::sort(results, {}, &fetch_result::turn);
  }
}

// A partition that would give more if the budget of its core had been larger.
bool is_short(fetch_result const& result) { return result.bytes < result.available; }

}  // namespace

fetch_plan::fetch_plan(broker& broker, fetch_session& session, fetch_limits limits)
    : broker_(broker), limits_(limits) {
  limits_.min_bytes = std::min(limits.min_bytes, limits.budget);
  session.resolve(*broker.metadata().current());
  for (auto at = session.first(); at != fetch_session::none; at = session.partition_at(at).next) {
    add(session, at);
  }
  divide_budget();
}

void fetch_plan::add(fetch_session const& session, fetch_session::place at) {
  auto const& wanted = session.partition_at(at);
  auto const& topic = session.topic_of(wanted);
  auto refusal = limits_.refusal != net::error_code::none ? limits_.refusal : topic.error;
  if (topic.found == nullptr || limits_.refusal != net::error_code::none) {
    refused_.push_back({at, refusal});
    return;
  }
  auto owner = find_owner(broker_, topic.found->find(wanted.index));
  auto error = owner ? refusal : owner.error();
  if (error != net::error_code::none) {
    refused_.push_back({at, for_version(error, limits_.version, knows_storage_error)});
    return;
  }
  auto share = std::ranges::find(shares_, owner->core, &core_share::core);
  if (share == shares_.end()) {
    share = shares_.insert(share, core_share{.core = owner->core});
    share->jobs.reserve(session.size() / broker_.cores() + 1);
  }
  share->jobs.push_back({.place = at,
                         .turn = turns_++,
                         .log = owner->log,
                         .from = wanted.from,
                         .current_leader_epoch = wanted.current_leader_epoch,
                         .last_fetched_epoch = wanted.last_fetched_epoch,
                         .max_bytes = static_cast<std::uint32_t>(std::max(wanted.max_bytes, 0)),
                         .told_high_watermark = wanted.high_watermark,
                         .told_log_start = wanted.log_start});
  share->wanted_bytes += share->jobs.back().max_bytes;
}

// All cores read at the same time, so each gets a part of the budget, as large as its partitions'
// limits are among all. What one leaves goes to the others afterwards. Parts end with whole
// batches: a part of one at the end of each would be bytes that no client can use.
void fetch_plan::divide_budget() {
  std::size_t wanted = 0;
  for (auto const& share : shares_) wanted += share.wanted_bytes;
  divided_ = shares_.size() > 1 && wanted > limits_.budget;
  for (auto& share : shares_) {
    share.budget = std::min(share.wanted_bytes, limits_.budget);
    if (!divided_) continue;
    auto part = static_cast<double>(share.wanted_bytes) / static_cast<double>(wanted);
    share.budget = static_cast<std::size_t>(static_cast<double>(limits_.budget) * part);
  }
}

task<> fetch_plan::read_share(core_share const& share) {
  std::span<fetch_job const> jobs{share.jobs};
  fetch_bounds bounds{
      .budget = share.budget, .whole_batches = divided_, .version = limits_.version};
  auto found = co_await submit_to(share.core, [&broker = broker_, jobs, bounds] {
    return read_partitions(broker, jobs, bounds);
  });
  std::ranges::move(found, std::back_inserter(results_));
}

std::size_t fetch_plan::bytes() const {
  std::size_t sum = 0;
  for (auto const& result : results_) sum += result.bytes;
  return sum;
}

// Each core gives its first partition with records at least one whole batch, but only the first of
// the request may be larger than its limits (KIP-74). A session puts partitions that were served
// behind the others, and so do clients without one, so that each is first in its turn.
void fetch_plan::keep_within_budget() {
  auto budget = limits_.budget;
  bool first = true;
  for (auto& result : results_) {
    if (!first && result.bytes > std::min(budget, result.max_bytes)) {
      result.records = {};
      result.bytes = 0;
    }
    first = first && result.bytes == 0;
    budget -= std::min(budget, result.bytes);
  }
}

// The answer has room because some core had less than its part: those that were cut short by theirs
// are read once more, core after core.
task<> fetch_plan::read_leftover() {
  for (auto const& share : shares_) {
    auto used = bytes();
    if (used >= limits_.budget) co_return;
    fetch_bounds bounds{
        .budget = limits_.budget - used, .whole_first_batch = false, .version = limits_.version};
    std::vector<fetch_job> again;
    for (auto& result : results_) {
      auto job = std::ranges::lower_bound(share.jobs, result.turn, {}, &fetch_job::turn);
      if (job == share.jobs.end() || job->turn != result.turn || !is_short(result)) continue;
      bounds.budget += result.bytes;
      again.push_back(*job);
      result.turn = fetch_session::none;  // replaced by what comes
    }
    if (again.empty()) continue;
    std::erase_if(results_, [](auto const& each) { return each.turn == fetch_session::none; });
    std::span<fetch_job const> jobs{again};
    auto found = co_await submit_to(share.core, [&broker = broker_, jobs, bounds] {
      return read_partitions(broker, jobs, bounds);
    });
    std::ranges::move(found, std::back_inserter(results_));
    sort_by_turn(results_);
  }
}

task<> fetch_plan::read() {
  results_.clear();
  if (shares_.size() == 1) {
    co_await read_share(shares_.front());
  } else {
    task_set running;
    for (auto const& share : shares_) running.spawn(read_share(share));
    co_await running.join();
  }
  sort_by_turn(results_);
  keep_within_budget();
  if (divided_ && std::ranges::any_of(results_, is_short)) co_await read_leftover();
}

bool fetch_plan::is_enough() const {
  std::size_t available = 0;
  for (auto const& result : results_) {
    if (result.error != net::error_code::none || result.older_segment) return true;
    if (result.diverges()) return true;
    // Kafka counts what there is, within each partition's own limit, even where the answer's limit
    // or the size of a batch keeps it out.
    available += result.available;
  }
  return std::max(available, bytes()) >= limits_.min_bytes;
}

task<wake_reason> fetch_plan::wait_for_more(time_point deadline, abort_source* abort) {
  std::vector<watched_partition> watched;
  for (auto const& share : shares_) {
    for (auto const& job : share.jobs) {
      auto said = std::ranges::lower_bound(results_, job.turn, {}, &fetch_result::turn);
      auto known = said != results_.end() && said->turn == job.turn;
      watched.push_back({share.core, job.log, known ? said->high_watermark : job.from});
    }
  }
  for (auto& result : results_) {
    result.records = {};
    result.bytes = 0;
  }
  co_return co_await wait_for_movement(broker_, std::move(watched), deadline, abort);
}

}  // namespace karst::cluster
