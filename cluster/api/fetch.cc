#include "cluster/api/fetch_plan.h"
#include "cluster/api/handlers.h"
#include "cluster/api/owners.h"
#include "cluster/fetch_session_cache.h"
#include "reactor/submit_to.h"

namespace karst::cluster {
namespace {

using partition_answer = net::fetch_response::partition;

constexpr std::int32_t no_session = 0;
// Session epochs that ask for all partitions: one would like to have a session from now on, the
// other none. Both end the session that they name.
constexpr std::int32_t first_epoch = 0;
constexpr std::int32_t final_epoch = -1;

constexpr std::int16_t knows_topic_ids = 13;
constexpr std::int16_t knows_leader_hint = 16;

// What a request works on, and what becomes of it.
struct opened_session {
  std::shared_ptr<fetch_session> session;
  std::int32_t id = no_session;
  bool incremental = false;
  net::error_code error = net::error_code::none;
};

std::size_t at_least_zero(std::int32_t bytes) {
  return static_cast<std::size_t>(std::max(bytes, 0));
}

task<> end_session(broker& broker, std::int32_t id) {
  if (id <= 0) co_return;
  if (broker.fetch_sessions().find(id)) co_return broker.fetch_sessions().remove(id);
  for (core_id other = 0; other < broker.cores(); ++other) {
    co_await submit_to(other, [&broker, id] { broker.fetch_sessions().remove(id); });
  }
}

// From the core that has the session: the connection was there before, or the client comes back by
// another connection.
task<> bring_session(broker& broker, std::int32_t id) {
  if (id <= 0 || broker.fetch_sessions().find(id)) co_return;
  for (core_id other = 0; other < broker.cores(); ++other) {
    if (other == core::current().id()) continue;
    auto taken =
        co_await submit_to(other, [&broker, id] { return broker.fetch_sessions().take(id); });
    if (!taken.session) continue;
    broker.fetch_sessions().keep(id, std::move(taken), core::current().now());
    co_return;
  }
}

bool continues_session(net::fetch_request const& request) {
  return request.session_epoch != first_epoch && request.session_epoch != final_epoch;
}

// Continues a session (KIP-227) that this core has.
opened_session continue_session(request_context& context, net::fetch_request const& request) {
  auto& sessions = context.broker.fetch_sessions();
  auto session = sessions.find(request.session_id);
  if (!session) return {.error = net::error_code::fetch_session_id_not_found};
  if (session->epoch() != request.session_epoch || session->busy) {
    return {.error = net::error_code::invalid_fetch_session_epoch};
  }
  if (session->by_id() != (context.version >= knows_topic_ids)) {
    return {.error = net::error_code::fetch_session_topic_id_error};
  }
  session->want(request.topics);
  session->forget(request.forgotten_topics);
  if (session->empty()) {
    sessions.remove(request.session_id);
    return {.session = std::move(session)};
  }
  session->begin_epoch();
  if (!sessions.touch(request.session_id, core::current().now())) {
    return {.error = net::error_code::fetch_session_id_not_found};
  }
  return {.session = std::move(session), .id = request.session_id, .incremental = true};
}

opened_session open_session(request_context& context, net::fetch_request const& request) {
  if (continues_session(request)) return continue_session(context, request);
  auto session = std::make_shared<fetch_session>(context.version >= knows_topic_ids);
  session->want(request.topics);
  return {.session = std::move(session)};
}

fetch_limits limits_of(request_context const& context, net::fetch_request const& request) {
  auto most = static_cast<std::size_t>(context.broker.config().number("fetch.max.bytes"));
  // A follower's id would let a client pose as a replica (CVE-2018-1288). No broker can be one yet.
  auto forged = request.replica_id >= 0 || request.replica_state.id >= 0;
  return {
      .budget = std::min(at_least_zero(request.max_bytes), most),
      .min_bytes = at_least_zero(request.min_bytes),
      .version = context.version,
      .refusal = forged ? net::error_code::cluster_authorization_failed : net::error_code::none};
}

// False: nobody is there to read an answer.
task<bool> read_until_enough(request_context& context, fetch_plan& plan, time_point deadline) {
  auto* connection = context.request.connection;
  auto* abort = connection == nullptr ? nullptr : &connection->closing;
  for (auto reason = wake_reason::signalled; !plan.idle();) {
    co_await plan.read();
    if (reason != wake_reason::signalled || plan.is_enough()) break;
    if (core::current().now() >= deadline) break;
    reason = co_await plan.wait_for_more(deadline, abort);
    // A broker that stops answers with what there is: nothing.
    if (reason == wake_reason::aborted) co_return connection->stopping;
  }
  co_return true;
}

partition_answer describe(fetch_result& result, std::int32_t index,
                          net::isolation_level isolation) {
  partition_answer answer{
      .index = index, .error = result.error, .high_watermark = result.high_watermark.value};
  // Without transactions the list is always empty. None at all, as from Kafka: for who reads
  // uncommitted, and where the log was asked and gave no records but an error or an epoch's end.
  auto failed = result.error != net::error_code::none;
  auto uncommitted = isolation == net::isolation_level::read_uncommitted;
  if (result.asked_log && (failed || result.diverges() || uncommitted)) {
    answer.aborted_transactions.reset();
  }
  if (failed) return answer;
  answer.last_stable_offset = result.last_stable.value;
  answer.log_start_offset = result.log_start.value;
  if (result.diverges()) {
    answer.diverging_epoch = {result.diverging.epoch.value, result.diverging.end.value};
  }
  if (result.records) answer.records->pieces.emplace_back(std::move(result.records));
  return answer;
}

// Builds the answer, partition by partition: neighbours of one topic share its entry.
struct answer_builder {
  request_context& context;
  net::fetch_request const& request;
  opened_session const& opened;
  net::fetch_response& response;
  fetch_session::place in_topic = fetch_session::none;

  fetch_session& session() { return *opened.session; }

  void add(fetch_result& result) {
    auto wanted = session().partition_at(result.place);
    if (result.error == net::error_code::not_leader_or_follower) settle_absence(result, wanted);
    auto told = session().tell(result.place, {.error = result.error,
                                              .high_watermark = result.high_watermark,
                                              .log_start = result.log_start,
                                              .records = result.bytes != 0,
                                              .diverging = result.diverges()});
    if (opened.incremental && !told) return;
    // As Kafka: not yet when the session is made.
    if (opened.incremental && result.bytes != 0) session().move_to_end(result.place);
    auto& topic = entry_of(wanted);
    auto& answer = topic.partitions.emplace_back(describe(result, wanted.index, request.isolation));
    auto misled = answer.error == net::error_code::not_leader_or_follower ||
                  answer.error == net::error_code::fenced_leader_epoch;
    if (misled && context.version >= knows_leader_hint) {
      answer.current_leader =
          leader_hint(*context.broker.metadata().current(), session().topic_of(wanted).name,
                      wanted.index, response.node_endpoints);
    }
  }

  net::fetch_response::topic& entry_of(fetch_session::partition const& wanted) {
    if (in_topic != wanted.in_topic) {
      in_topic = wanted.in_topic;
      auto const& topic = session().topic_of(wanted);
      response.topics.push_back({.name = topic.name, .id = topic.id});
    }
    return response.topics.back();
  }

  // A log that is gone was deleted with its topic, unless the partition is said to be elsewhere.
  void settle_absence(fetch_result& result, fetch_session::partition const& wanted) {
    session().resolve(*context.broker.metadata().current());
    auto const& topic = session().topic_of(wanted);
    if (topic.found == nullptr || topic.found->find(wanted.index) == nullptr) {
      result.error = net::error_code::unknown_topic_or_partition;
    } else if (topic.error != net::error_code::none) {
      result.error = topic.error;
    }
  }
};

void fill(answer_builder builder, fetch_plan& plan) {
  builder.response.session_id = builder.opened.id;
  for (auto& result : plan.results()) builder.add(result);
  for (auto const& refused : plan.refused()) {
    fetch_result result{.place = refused.place, .error = refused.error};
    builder.add(result);
  }
}

}  // namespace

task<net::fetch_response> handle(request_context& context, net::fetch_request const& request) {
  net::fetch_response response;
  auto& broker = context.broker;
  if (continues_session(request)) co_await bring_session(broker, request.session_id);
  auto opened = open_session(context, request);
  if (opened.error != net::error_code::none) {
    response.error = opened.error;
    co_return response;
  }
  auto& session = *opened.session;
  if (!opened.incremental) co_await end_session(broker, request.session_id);

  session.busy = true;
  auto deadline =
      context.request.received_at + std::chrono::milliseconds{std::max(request.max_wait_ms, 0)};
  fetch_plan plan{broker, session, limits_of(context, request)};
  if (!plan.idle()) context.note_core(plan.core());
  auto wanted = co_await read_until_enough(context, plan, deadline);
  session.busy = false;
  if (!wanted) {
    context.what = net::response::action::nothing;
    co_return response;
  }
  fill({context, request, opened, response}, plan);
  if (request.session_epoch == first_epoch) {
    response.session_id = broker.fetch_sessions().add(opened.session, false, core::current().now(),
                                                      core::current().clock().random());
  }
  co_return response;
}

}  // namespace karst::cluster
