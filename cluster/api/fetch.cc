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

// What one core is asked for. Cores are asked one after the other, in the order in which the
// request first names a partition of theirs: the budget of the whole answer passes from one to the
// next, and a client that moves served partitions to the end of its next request gets every
// partition served in turn.
struct core_share {
  core_id core = no_core;
  std::vector<fetch_job> jobs;
  std::vector<std::size_t> places;
};

// A Fetch request as work to do, and the results of its last round, one for each partition in the
// order of the request.
struct fetch_plan {
  std::vector<core_share> shares;
  std::vector<fetch_result> results;
};

std::size_t at_least_zero(std::int32_t bytes) {
  return static_cast<std::size_t>(std::max(bytes, 0));
}

fetch_plan make_plan(request_context& context, net::fetch_request const& request) {
  fetch_plan plan;
  auto snapshot = context.broker.metadata().current();
  for (auto const& topic : request.topics) {
    for (auto const& partition : topic.partitions) {
      auto place = plan.results.size();
      auto& result = plan.results.emplace_back();
      auto target = find_owner(context.broker, *snapshot, topic.name, partition.index);
      // A follower's id would let a client pose as a replica (CVE-2018-1288). No broker can be one
      // yet.
      if (request.replica_id >= 0)
        target = std::unexpected(net::error_code::cluster_authorization_failed);
      if (!target) {
        result.error = target.error();
        continue;
      }
      auto share = std::ranges::find(plan.shares, target->core, &core_share::core);
      if (share == plan.shares.end())
        share = plan.shares.insert(share, core_share{target->core, {}, {}});
      share->jobs.push_back({.log = target->log,
                             .current_leader_epoch = partition.current_leader_epoch,
                             .last_fetched_epoch = partition.last_fetched_epoch,
                             .from = {partition.fetch_offset},
                             .max_bytes = at_least_zero(partition.max_bytes),
                             .version = context.version});
      share->places.push_back(place);
    }
  }
  return plan;
}

task<> read_all(broker& broker, fetch_plan& plan, std::size_t budget) {
  bool first = true;
  for (auto const& share : plan.shares) {
    auto results = co_await submit_to(share.core, [&broker, &share, budget, first] {
      return read_partitions(broker, share.jobs, budget, first);
    });
    for (std::size_t i = 0; i < results.size(); ++i) {
      budget -= std::min(budget, results[i].bytes);
      first = first && results[i].bytes == 0;
      plan.results[share.places[i]] = std::move(results[i]);
    }
  }
}

// Whether to answer now: enough bytes, or something that the client should hear at once.
bool is_enough(fetch_plan const& plan, std::size_t min_bytes) {
  if (plan.results.empty()) return true;
  std::size_t bytes = 0;
  for (auto const& result : plan.results) {
    if (result.error != net::error_code::none || result.older_segment) return true;
    if (result.diverging.end != log::no_offset) return true;
    bytes += result.bytes;
  }
  return bytes >= min_bytes;
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
  if (result.error != net::error_code::none) return answer;
  answer.last_stable_offset = result.last_stable.value;
  answer.log_start_offset = result.log_start.value;
  // Without transactions the list is always empty; who reads uncommitted gets none at all, as from
  // Kafka.
  if (isolation == net::isolation_level::read_uncommitted) answer.aborted_transactions.reset();
  if (result.diverging.end != log::no_offset) {
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
  auto most = static_cast<std::size_t>(context.broker.config().number("fetch.max.bytes"));
  auto budget = std::min(at_least_zero(request.max_bytes), most);
  auto deadline =
      context.request.received_at + std::chrono::milliseconds{std::max(request.max_wait_ms, 0)};
  auto plan = make_plan(context, request);
  for (auto reason = wake_reason::signalled;;) {
    co_await read_all(context.broker, plan, budget);
    if (reason != wake_reason::signalled || is_enough(plan, at_least_zero(request.min_bytes)))
      break;
    if (core::current().now() >= deadline) break;
    reason = co_await wait_for_more(context, plan, deadline);
    if (reason == wake_reason::aborted) {
      context.what = net::response::action::nothing;  // nobody is there to read it
      co_return response;
    }
  }

  std::size_t place = 0;
  for (auto const& topic : request.topics) {
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (auto const& partition : topic.partitions) {
      answer.partitions.push_back(
          describe(plan.results[place++], partition.index, request.isolation));
    }
  }
  co_return response;
}

}  // namespace karst::cluster
