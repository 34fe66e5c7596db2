#include "cluster/api/authorized_operations.h"
#include "cluster/api/group_calls.h"

namespace karst::cluster {
namespace {

using described = net::describe_groups_response::group;

constexpr std::int16_t tells_unknown_groups = 6;

group_description describe_here(broker& broker, group_place place, std::string_view group) {
  auto shard = shard_of(broker, place);
  if (!shard) return {.error = shard.error()};
  auto found = (*shard)->describe(group);
  if (!found) return {.error = net::error_code::group_id_not_found};
  return std::move(*found);
}

void fill(described& answer, group_description&& group, std::int16_t version) {
  if (group.error == net::error_code::group_id_not_found) {
    answer.group_state = group_state_name(group_state::dead);
    if (version < tells_unknown_groups) return;
    answer.error = group.error;
    answer.error_message = fmt::format("Group {} not found.", answer.group_id);
    return;
  }
  answer.error = group.error;
  if (group.error != net::error_code::none) return;
  answer.group_state = group_state_name(group.state);
  answer.protocol_type = std::move(group.protocol_type);
  answer.protocol_data = std::move(group.protocol);
  for (auto& member : group.members) {
    answer.members.push_back({.member_id = std::move(member.id),
                              .group_instance_id = std::move(member.instance_id),
                              .client_id = std::move(member.client_id),
                              .client_host = std::move(member.client_host),
                              .member_metadata = {std::move(member.subscription)},
                              .member_assignment = {std::move(member.assignment)}});
  }
}

}  // namespace

task<net::describe_groups_response> handle(request_context& context,
                                           net::describe_groups_request const& request) {
  net::describe_groups_response response;
  auto& broker = context.broker;
  for (auto group : request.groups) {
    auto& answer = response.groups.emplace_back();
    answer.group_id = group;
    auto place = find_group(broker, group, true);
    if (!place) {
      answer.error = place.error();
      continue;
    }
    auto found = co_await submit_to(
        place->core, [&broker, &place, group] { return describe_here(broker, *place, group); });
    fill(answer, std::move(found), context.version);
    if (request.include_authorized_operations && answer.error == net::error_code::none) {
      answer.authorized_operations = operations_on_group;
    }
  }
  co_return response;
}

}  // namespace karst::cluster
