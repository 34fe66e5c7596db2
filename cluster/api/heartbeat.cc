#include "cluster/api/group_calls.h"

namespace karst::cluster {
namespace {

net::error_code heartbeat_here(broker& broker, group_place place,
                               net::heartbeat_request const& request) {
  auto shard = shard_of(broker, place);
  if (!shard) {
    // As from Kafka: a member that beats while the coordinator loads has done nothing wrong.
    auto const loading = shard.error() == net::error_code::coordinator_load_in_progress;
    return loading ? net::error_code::none : shard.error();
  }
  return (*shard)->heartbeat(request.group_id,
                             {request.member_id, request.group_instance_id, request.generation_id});
}

}  // namespace

task<net::heartbeat_response> handle(request_context& context,
                                     net::heartbeat_request const& request) {
  auto& broker = context.broker;
  auto place = find_group(broker, request.group_id);
  if (!place) co_return net::heartbeat_response{.error = place.error()};
  auto error = co_await submit_to(
      place->core, [&broker, &place, &request] { return heartbeat_here(broker, *place, request); });
  co_return net::heartbeat_response{.error = error};
}

}  // namespace karst::cluster
