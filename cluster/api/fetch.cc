#include "cluster/api/distinct.h"
#include "cluster/api/errors.h"
#include "cluster/api/fetch_reader.h"
#include "cluster/api/handlers.h"
#include "cluster/api/owners.h"
#include "cluster/movement.h"
#include "reactor/submit_to.h"

namespace karst::cluster {
namespace {

using partition_answer = net::fetch_response::partition;

constexpr std::int32_t no_session = 0;
constexpr std::int32_t first_epoch =
    0;  // "please make a session": refused by answering session id 0
constexpr std::int32_t final_epoch = -1;  // "no session"

constexpr std::int16_t knows_storage_error = 6;

using asked_topic = distinct_topic<net::fetch_request::partition>;

// What one core is asked for: its partitions in the order of the request, and their places in it.
struct core_share {
  core_id core = no_core;
  std::vector<fetch_job> jobs;
  std::vector<std::size_t> places;
  std::size_t wanted_bytes = 0;  // the limits of its partitions together
  std::size_t budget = 0;        // its part of the answer's
};

// A Fetch request as work to do, and the results of its last round, one for each partition in the
// order of the request.
struct fetch_plan {
  std::vector<asked_topic> topics;
  std::vector<core_share> shares;
  std::vector<fetch_result> results;
  std::size_t budget = 0;     // of the whole answer
  std::size_t min_bytes = 0;  // what is enough to answer
};

std::size_t at_least_zero(std::int32_t bytes) {
  return static_cast<std::size_t>(std::max(bytes, 0));
}

core_share& share_of(fetch_plan& plan, core_id core) {
  auto share = std::ranges::find(plan.shares, core, &core_share::core);
  if (share == plan.shares.end()) share = plan.shares.insert(share, core_share{.core = core});
  return *share;
}

// All cores read at the same time, so each gets a part of the budget, as large as its partitions'
// limits are among all. Usually the limits together are within the budget, and nothing is divided.
void divide_budget(fetch_plan& plan) {
  std::size_t wanted = 0;
  for (auto const& share : plan.shares) wanted += share.wanted_bytes;
  for (auto& share : plan.shares) {
    share.budget = share.wanted_bytes;
    if (wanted <= plan.budget) continue;
    auto part = static_cast<double>(share.wanted_bytes) / static_cast<double>(wanted);
    share.budget = static_cast<std::size_t>(static_cast<double>(plan.budget) * part);
    // No one core may be able to give all that the client waits for.
    plan.min_bytes = std::min(plan.min_bytes, share.budget);
  }
}

fetch_plan make_plan(request_context& context, net::fetch_request const& request) {
  auto most = static_cast<std::size_t>(context.broker.config().number("fetch.max.bytes"));
  fetch_plan plan{.topics = distinct(request.topics),
                  .budget = std::min(at_least_zero(request.max_bytes), most),
                  .min_bytes = at_least_zero(request.min_bytes)};
  auto snapshot = context.broker.metadata().current();
  for (auto const& topic : plan.topics) {
    for (auto const& each : topic.partitions) {
      auto const& partition = *each.asked;
      auto place = plan.results.size();
      auto& result = plan.results.emplace_back();
      auto target = find_owner(context.broker, *snapshot, topic.name, partition.index);
      // A follower's id would let a client pose as a replica (CVE-2018-1288). No broker can be one
      // yet.
      if (request.replica_id >= 0)
        target = std::unexpected(net::error_code::cluster_authorization_failed);
      if (!target) {
        result.error = for_version(target.error(), context.version, knows_storage_error);
        continue;
      }
      auto& share = share_of(plan, target->core);
      share.jobs.push_back({.log = target->log,
                            .current_leader_epoch = partition.current_leader_epoch,
                            .last_fetched_epoch = partition.last_fetched_epoch,
                            .from = {partition.fetch_offset},
                            .max_bytes = at_least_zero(partition.max_bytes),
                            .version = context.version});
      share.places.push_back(place);
      share.wanted_bytes += share.jobs.back().max_bytes;
    }
  }
  divide_budget(plan);
  return plan;
}

task<> read_share(broker& broker, core_share const& share, std::vector<fetch_result>& results) {
  auto found = co_await submit_to(
      share.core, [&broker, &share] { return read_partitions(broker, share.jobs, share.budget); });
  for (std::size_t i = 0; i < found.size(); ++i) results[share.places[i]] = std::move(found[i]);
}

// Each core gives its first partition with records at least one whole batch, but only the first of
// the request may be larger than its limits (KIP-74). Clients move partitions that were
// served to the end of their next request, so that each is first in its turn.
void keep_within(std::size_t budget, std::vector<fetch_result>& results) {
  bool first = true;
  for (auto& result : results) {
    if (!first && result.bytes > std::min(budget, result.max_bytes)) {
      result.records = {};
      result.bytes = 0;
    }
    first = first && result.bytes == 0;
    budget -= std::min(budget, result.bytes);
  }
}

task<> read_all(broker& broker, fetch_plan& plan) {
  if (plan.shares.size() == 1) {
    co_await read_share(broker, plan.shares.front(), plan.results);
  } else {
    task_set running;
    for (auto const& share : plan.shares) running.spawn(read_share(broker, share, plan.results));
    co_await running.join();
  }
  keep_within(plan.budget, plan.results);
}

// Whether to answer now: enough bytes, or something that the client should hear at once.
bool is_enough(fetch_plan const& plan) {
  if (plan.results.empty()) return true;
  std::size_t bytes = 0;
  for (auto const& result : plan.results) {
    if (result.error != net::error_code::none || result.older_segment) return true;
    if (result.diverging.end != log::no_offset) return true;
    bytes += result.bytes;
  }
  return bytes >= plan.min_bytes;
}

// Parks until something moved. The records found so far are given back first: a parked fetch holds
// no memory of a log.
task<wake_reason> wait_for_more(request_context& context, fetch_plan& plan, time_point deadline) {
  std::vector<watched_partition> watched;
  for (auto const& share : plan.shares) {
    for (std::size_t i = 0; i < share.jobs.size(); ++i) {
      watched.push_back(
          {share.core, share.jobs[i].log, plan.results[share.places[i]].high_watermark});
    }
  }
  for (auto& result : plan.results) result.records = {};
  auto* connection = context.request.connection;
  co_return co_await wait_for_movement(context.broker, std::move(watched), deadline,
                                       connection == nullptr ? nullptr : &connection->closing);
}

partition_answer describe(fetch_result& result, std::int32_t index,
                          net::isolation_level isolation) {
  partition_answer answer{
      .index = index, .error = result.error, .high_watermark = result.high_watermark.value};
  // Without transactions the list is always empty. None at all, as from Kafka: for who reads
  // uncommitted, and where the log was asked and gave no records but an error or an epoch's end.
  auto failed = result.error != net::error_code::none;
  auto diverges = result.diverging.end != log::no_offset;
  auto uncommitted = isolation == net::isolation_level::read_uncommitted;
  if (result.asked_log && (failed || diverges || uncommitted)) answer.aborted_transactions.reset();
  if (failed) return answer;
  answer.last_stable_offset = result.last_stable.value;
  answer.log_start_offset = result.log_start.value;
  if (diverges) {
    answer.diverging_epoch = {result.diverging.epoch.value, result.diverging.end.value};
  }
  if (result.records) answer.records->pieces.emplace_back(std::move(result.records));
  return answer;
}

}  // namespace

task<net::fetch_response> handle(request_context& context, net::fetch_request const& request) {
  net::fetch_response response;
  // Sessions (KIP-227) are refused by the session id 0 in each answer, so none can be continued.
  if (request.session_epoch != first_epoch && request.session_epoch != final_epoch) {
    response.error = net::error_code::fetch_session_id_not_found;
    response.session_id = no_session;
    co_return response;
  }
  auto deadline =
      context.request.received_at + std::chrono::milliseconds{std::max(request.max_wait_ms, 0)};
  auto plan = make_plan(context, request);
  for (auto reason = wake_reason::signalled;;) {
    co_await read_all(context.broker, plan);
    if (reason != wake_reason::signalled || is_enough(plan)) break;
    if (core::current().now() >= deadline) break;
    reason = co_await wait_for_more(context, plan, deadline);
    if (reason != wake_reason::aborted) continue;
    // A broker that stops answers with what there is: nothing. Otherwise nobody is there to read
    // it.
    if (context.request.connection->stopping) break;
    context.what = net::response::action::nothing;
    co_return response;
  }

  std::size_t place = 0;
  for (auto const& topic : plan.topics) {
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (auto const& each : topic.partitions) {
      answer.partitions.push_back(
          describe(plan.results[place++], each.asked->index, request.isolation));
    }
  }
  co_return response;
}

}  // namespace karst::cluster
