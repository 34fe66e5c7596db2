#include "cluster/api/group_calls.h"

namespace karst::cluster {
namespace {

task<net::error_code> delete_here(broker& broker, group_place place, std::string_view group) {
  auto shard = shard_of(broker, place);
  if (!shard) co_return shard.error();
  co_return co_await group_shard::remove(*shard, std::string{group});
}

}  // namespace

task<net::delete_groups_response> handle(request_context& context,
                                         net::delete_groups_request const& request) {
  net::delete_groups_response response;
  auto& broker = context.broker;
  for (auto group : request.groups_names) {
    auto& answer = response.results.emplace_back();
    answer.group_id = group;
    auto place = find_group(broker, group, true);
    if (!place) {
      answer.error = place.error();
      continue;
    }
    answer.error = co_await submit_to(
        place->core, [&broker, &place, group] { return delete_here(broker, *place, group); });
  }
  co_return response;
}

}  // namespace karst::cluster
