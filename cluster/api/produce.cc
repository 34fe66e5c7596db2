#include "cluster/api/distinct.h"
#include "cluster/api/errors.h"
#include "cluster/api/handlers.h"
#include "cluster/api/owners.h"
#include "cluster/internal_topics.h"

namespace karst::cluster {
namespace {

using partition_answer = net::produce_response::partition;

constexpr std::int16_t acks_none = 0;
constexpr std::int16_t acks_leader = 1;
constexpr std::int16_t acks_all = -1;
// From these versions on clients know KAFKA_STORAGE_ERROR, and who leads instead (KIP-951).
constexpr std::int16_t knows_storage_error = 4;
constexpr std::int16_t knows_leader_hint = 10;

// A stalled disk must not hold a request for ever: its timeout counts, as in Kafka's purgatory. But
// there only replicas are waited for and never the own disk, so that a client may ask for less than
// a disk needs in a slow moment.
constexpr duration least_patience = 1s;

struct append_job {
  log::log_id log;
  core_id home = no_core;                 // the connection's core
  buffer_chain const* records = nullptr;  // its memory
  std::int16_t version = 0;
  bool acknowledged = true;
  time_point deadline = never;
};

struct append_result {
  net::error_code error = net::error_code::none;
  std::string message;
  std::vector<log::record_error> records;  // which records are to blame
  log::append_info info{
      .first = log::no_offset, .end = log::no_offset, .log_start = log::no_offset};
};

append_result failed(net::error_code error, std::string message = {}) {
  return {.error = error, .message = std::move(message)};
}

// Of errors that lie in the records Kafka tells the log's start too.
append_result refused(append_error error, partition* where) {
  auto result = failed(to_error_code(error.code), std::move(error.message));
  result.records = std::move(error.records);
  switch (error.code) {
    case log::errc::timed_out:
      result.message = "there was no room in time; nothing was appended";
      break;
    case log::errc::invalid_record:
    case log::errc::invalid_timestamp:
    case log::errc::unsupported_compression:
    case log::errc::out_of_order_sequence:
    case log::errc::invalid_producer_epoch:
      if (where != nullptr) result.info.log_start = where->log().log_start();
      break;
    default:
      break;
  }
  return result;
}

append_options options_of(append_job const& job) {
  return {.produce_version = job.version,
          .deadline = job.deadline,
          .borrowed = job.home != core::current().id()};
}

// What an append came to; a refusal goes to `result`.
bool note(expected<log::append_info, append_error>& appended, broker& broker, append_job const& job,
          append_result& result) {
  if (appended) {
    result.info = *appended;
    return true;
  }
  result = refused(std::move(appended.error()), broker.partitions().find(job.log));
  return false;
}

// What waits for its log or for room, or is validated in slices.
task<bool> append_slowly(broker& broker, append_job const& job, append_result& result) {
  auto& awaited = broker.partitions().awaited();
  if (awaited.holds(job.log)) co_await awaited.wait(job.log);
  auto* partition = broker.partitions().find(job.log);
  if (partition == nullptr) {
    result = failed(net::error_code::not_leader_or_follower);
    co_return false;
  }
  auto appended = co_await partition->append(*job.records, options_of(job));
  co_return note(appended, broker, job, result);
}

// nullopt: it takes longer; otherwise whether it was appended.
std::optional<bool> append_at_once(broker& broker, append_job const& job, append_result& result) {
  if (broker.partitions().awaited().holds(job.log)) return std::nullopt;
  auto* partition = broker.partitions().find(job.log);
  if (partition == nullptr) {
    result = failed(net::error_code::not_leader_or_follower);
    return false;
  }
  auto appended = partition->append_now(*job.records, options_of(job));
  if (!appended) return std::nullopt;
  return note(*appended, broker, job, result);
}

void note_unconfirmed(log::errc code, append_result& result) {
  result = failed(to_error_code(code));
  if (result.error == net::error_code::request_timed_out) {
    result.message =
        "the disk has not confirmed the records in time; they may still become durable";
  }
}

// On the partition's core. The append takes its place in the partition's order before the first
// suspension.
task<> append_one(broker& broker, append_job const& job, append_result& result) {
  auto appended = append_at_once(broker, job, result);
  if (!appended) appended = co_await append_slowly(broker, job, result);
  if (!*appended || !job.acknowledged) co_return;
  // The partition may have gone while the batch was validated.
  auto* partition = broker.partitions().find(job.log);
  if (partition == nullptr) {
    result = failed(net::error_code::not_leader_or_follower);
    co_return;
  }
  auto committed = co_await partition->committed(result.info.end, job.deadline);
  if (!committed) note_unconfirmed(committed.error(), result);
}

task<append_result> append_there(broker& broker, append_job const& job) {
  append_result result;
  co_await append_one(broker, job, result);
  co_return result;
}

task<> append_far(broker& broker, core_id owner, append_job const& job, append_result& result) {
  result = co_await submit_to(owner, [&broker, &job] { return append_there(broker, job); });
}

task<> append_on(core_id owner, broker& broker, append_job const& job, append_result& result) {
  return owner == core::current().id() ? append_one(broker, job, result)
                                       : append_far(broker, owner, job, result);
}

task<std::vector<append_result>> append_all(broker& broker, std::span<append_job const> jobs) {
  std::vector<append_result> results(jobs.size());
  task_set running;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    running.spawn(append_one(broker, jobs[i], results[i]));
  co_await running.join();
  co_return results;
}

// Why nothing of the request may be appended.
append_result refuse_whole(net::produce_request const& request) {
  if (request.acks != acks_none && request.acks != acks_leader && request.acks != acks_all) {
    return failed(net::error_code::invalid_required_acks,
                  fmt::format("acks is {}, but may be 0, 1 or -1", request.acks));
  }
  if (request.transactional_id) {
    return failed(net::error_code::invalid_txn_state,
                  "transactions are not available in this version");
  }
  return {};
}

using asked_partition = distinct_topic<net::produce_request::partition>::mention;

// What keeps one partition's records from being appended, or else where they go.
expected<owner, append_result> check(broker& broker, metadata_snapshot const& snapshot,
                                     std::string_view topic, asked_partition const& asked) {
  auto const& partition = *asked.asked;
  if (is_internal_topic(topic)) {
    return std::unexpected(
        failed(net::error_code::invalid_topic_exception,
               fmt::format("{} is the broker's own: only the broker writes to it", topic)));
  }
  auto found = find_owner(broker, snapshot, topic, partition.index);
  if (!found) return std::unexpected(failed(found.error()));
  // Kafka appends the last batch, and loses the others without a word.
  if (asked.repeated) {
    return std::unexpected(
        failed(net::error_code::invalid_request,
               "the partition is named more than once in the request: nothing was appended"));
  }
  if (!partition.records || partition.records->empty()) {
    return std::unexpected(
        failed(net::error_code::invalid_record, "the partition comes without a record batch"));
  }
  return *found;
}

void fill(partition_answer& answer, append_result const& result, std::int16_t version) {
  answer.error = for_version(result.error, version, knows_storage_error);
  answer.base_offset = -1;
  if (result.error != net::error_code::none) {
    if (!result.message.empty()) answer.error_message = result.message;
    answer.log_start_offset = result.info.log_start.value;
    for (auto const& each : result.records) {
      answer.record_errors.push_back({each.index, each.message});
    }
    return;
  }
  answer.base_offset = result.info.first.value;
  answer.log_append_time_ms = result.info.log_append_time;
  answer.log_start_offset = result.info.log_start.value;
}

// What every partition of a request is appended and answered with.
struct produce_call {
  request_context& context;
  net::produce_request const& request;
  time_point deadline;

  produce_call(request_context& served, net::produce_request const& asked)
      : context(served), request(asked) {
    auto patience = std::max<duration>(std::chrono::milliseconds{asked.timeout_ms}, least_patience);
    deadline = acknowledged() ? served.request.received_at + patience : never;
  }
  bool acknowledged() const { return request.acks != acks_none; }
  // Where the partition's records go; nullopt: `result` says why nowhere.
  std::optional<owner> target_of(std::string_view topic, asked_partition const& asked,
                                 append_result& result) const {
    result = refuse_whole(request);
    if (result.error != net::error_code::none) return std::nullopt;
    auto& broker = context.broker;
    auto target = check(broker, *broker.metadata().current(), topic, asked);
    if (target) return *target;
    result = std::move(target.error());
    return std::nullopt;
  }
  append_job job_of(owner const& target, net::produce_request::partition const& asked) const {
    return {.log = target.log,
            .home = core::current().id(),
            .records = &*asked.records,
            .version = context.version,
            .acknowledged = acknowledged(),
            .deadline = deadline};
  }
};

void add_answer(produce_call& call, std::string_view topic, std::int32_t index,
                append_result const& result, net::produce_response& response) {
  auto& context = call.context;
  auto& filled = response.topics.back().partitions.emplace_back(partition_answer{.index = index});
  fill(filled, result, context.version);
  if (filled.error == net::error_code::not_leader_or_follower &&
      context.version >= knows_leader_hint) {
    filled.current_leader =
        leader_hint(*context.broker.metadata().current(), topic, index, response.node_endpoints);
  }
  if (call.acknowledged() || result.error == net::error_code::none) return;
  // Nobody reads an answer to acks=0: the end of the connection is the only sign there is.
  context.what = net::response::action::close;
  context.close_reason =
      fmt::format("Produce with acks=0 failed: {} {}", name_of(result.error), result.message);
}

using asked_topics = std::vector<distinct_topic<net::produce_request::partition>>;

// One result for each partition, in the order of `topics`.
task<std::vector<append_result>> append_topics(produce_call& call, asked_topics const& topics) {
  std::vector<append_result> results;
  std::vector<owned_job<append_job>> jobs;
  for (auto const& topic : topics) {
    for (auto const& partition : topic.partitions) {
      auto place = results.size();
      auto target = call.target_of(topic.name, partition, results.emplace_back());
      if (target) jobs.push_back({target->core, place, call.job_of(*target, *partition.asked)});
    }
  }
  auto& broker = call.context.broker;
  if (!jobs.empty()) {
    auto elsewhere = [&](auto const& job) { return job.core != jobs.front().core; };
    call.context.note_core(std::ranges::any_of(jobs, elsewhere) ? no_core : jobs.front().core);
    co_await on_owners<append_result>(broker, std::move(jobs), &append_all, results);
  }
  co_return results;
}

// The answer, or none.
net::produce_response ended(produce_call& call, net::produce_response response) {
  if (!call.acknowledged() && call.context.what == net::response::action::reply) {
    call.context.what = net::response::action::nothing;
  }
  return response;
}

// Nearly every request of a busy producer names one partition: nothing to sort or to gather.
task<net::produce_response> produce_one(request_context& context,
                                        net::produce_request const& request) {
  produce_call call{context, request};
  auto const& topic = request.topics.front();
  auto const& partition = topic.partitions.front();
  append_result result;
  if (auto target = call.target_of(topic.name, {&partition}, result)) {
    context.note_core(target->core);
    auto const job = call.job_of(*target, partition);
    co_await append_on(target->core, context.broker, job, result);
  }
  net::produce_response response;
  response.topics.emplace_back().name = topic.name;
  add_answer(call, topic.name, partition.index, result, response);
  co_return ended(call, std::move(response));
}

task<net::produce_response> produce_many(request_context& context,
                                         net::produce_request const& request) {
  produce_call call{context, request};
  auto topics = distinct(request.topics);
  auto results = co_await append_topics(call, topics);
  net::produce_response response;
  std::size_t place = 0;
  for (auto const& topic : topics) {
    response.topics.emplace_back().name = topic.name;
    for (auto const& partition : topic.partitions) {
      add_answer(call, topic.name, partition.asked->index, results[place++], response);
    }
  }
  co_return ended(call, std::move(response));
}

}  // namespace

task<net::produce_response> handle(request_context& context, net::produce_request const& request) {
  auto one = request.topics.size() == 1 && request.topics.front().partitions.size() == 1;
  return one ? produce_one(context, request) : produce_many(context, request);
}

}  // namespace karst::cluster
