#pragma once

#include <optional>
#include <string_view>

#include "cluster/api/handlers.h"
#include "cluster/group_coordinator.h"
#include "reactor/event.h"
#include "reactor/submit_to.h"
#include "reactor/task_set.h"

namespace karst::cluster {

// Where a group lives. INVALID_GROUP_ID for an id that is empty (where that is not allowed) or too
// long for a record; COORDINATOR_NOT_AVAILABLE while __consumer_offsets does not exist or has no
// leader; NOT_COORDINATOR where another broker has it.
expected<group_place, net::error_code> find_group(broker& broker, std::string_view group_id,
                                                  bool may_be_empty = false);

// On the core of a place: its shard, loaded, or the error for the client.
expected<std::shared_ptr<group_shard>, net::error_code> shard_of(broker& broker,
                                                                 group_place const& place);

// "/192.0.2.7": a client's address as Kafka stores and shows it.
std::string client_host_of(net::request const& request);

namespace internal {

// A call that may wait for minutes. `gone` belongs to the other core, the rest to this one.
template <typename Answer>
struct parked_call {
  abort_source gone;
  event ended;
  std::optional<Answer> answer;
};

template <typename Answer, typename Work>
task<> call_there(core_id core, Work& work, parked_call<Answer>& call) {
  call.answer = co_await submit_to(core, [&work, &call] { return work(call.gone); });
  call.ended.set();
}

}  // namespace internal

// Runs work(abort_source& gone) -> task<optional<Answer>> on `core` and waits for its answer, or
// until the connection ends: then `gone` is requested there, so that the work ends without one.
// nullopt: nobody reads an answer. `work` stays in this frame.
template <typename Answer, typename Work>
task<std::optional<Answer>> parked_on(request_context& context, core_id core, Work work) {
  internal::parked_call<Answer> call;
  task_set running;
  running.spawn(internal::call_there(core, work, call));
  auto* connection = context.request.connection;
  auto* closing = connection == nullptr ? nullptr : &connection->closing;
  if (co_await call.ended.wait(never, closing) == wake_reason::aborted) {
    co_await submit_to(core, [&call] { call.gone.request(); });
  }
  co_await running.join();
  co_return std::move(call.answer);
}

}  // namespace karst::cluster
