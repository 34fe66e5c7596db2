#include "cluster/api/group_calls.h"

namespace karst::cluster {
namespace {

constexpr std::int16_t names_protocol = 5;

group_sync make_sync(request_context const& context, net::sync_group_request const& request) {
  group_sync sync{.member_id = std::string{request.member_id}, .generation = request.generation_id};
  if (request.group_instance_id) sync.instance_id = std::string{*request.group_instance_id};
  if (context.version >= names_protocol) {
    if (request.protocol_type) sync.protocol_type = std::string{*request.protocol_type};
    if (request.protocol_name) sync.protocol = std::string{*request.protocol_name};
  }
  for (auto const& each : request.assignments) {
    sync.assignments.emplace_back(each.member_id, each.assignment.bytes);
  }
  return sync;
}

task<std::optional<group_sync_answer>> sync_here(broker& broker, group_place place,
                                                 std::string_view group, group_sync const& sync,
                                                 abort_source& gone) {
  auto shard = shard_of(broker, place);
  if (!shard) {
    // What was being rebalanced is lost with the coordinator's memory: the member joins again.
    auto const loading = shard.error() == net::error_code::coordinator_load_in_progress;
    co_return group_sync_answer{.error = loading ? net::error_code::rebalance_in_progress
                                                 : shard.error()};
  }
  co_return co_await group_shard::sync(*shard, group, sync, gone);
}

}  // namespace

task<net::sync_group_response> handle(request_context& context,
                                      net::sync_group_request const& request) {
  auto place = find_group(context.broker, request.group_id);
  if (!place) co_return net::sync_group_response{.error = place.error()};
  // KIP-559: a member that names protocols names both, or it is not one of this protocol.
  if (context.version >= names_protocol && (!request.protocol_type || !request.protocol_name)) {
    co_return net::sync_group_response{.error = net::error_code::inconsistent_group_protocol};
  }
  auto sync = make_sync(context, request);
  auto& broker = context.broker;
  auto work = [&](abort_source& gone) {
    return sync_here(broker, *place, request.group_id, sync, gone);
  };
  auto answer = co_await parked_on<group_sync_answer>(context, place->core, work);
  if (!answer) co_return net::sync_group_response{.error = net::error_code::not_coordinator};
  co_return net::sync_group_response{.error = answer->error,
                                     .protocol_type = std::move(answer->protocol_type),
                                     .protocol_name = std::move(answer->protocol),
                                     .assignment = {std::move(answer->assignment)}};
}

}  // namespace karst::cluster
