#include "cluster/api/group_calls.h"

namespace karst::cluster {
namespace {

constexpr std::int16_t names_members = 3;

std::vector<group_leave> members_of(net::leave_group_request const& request, std::int16_t version) {
  std::vector<group_leave> members;
  if (version < names_members) {
    members.push_back({.member_id = std::string{request.member_id}});
    return members;
  }
  for (auto const& each : request.members) {
    auto& member = members.emplace_back();
    member.member_id = each.member_id;
    if (each.group_instance_id) member.instance_id = std::string{*each.group_instance_id};
    member.reason = each.reason.value_or("");
  }
  return members;
}

expected<std::vector<net::error_code>, net::error_code> leave_here(
    broker& broker, group_place place, std::string_view group,
    std::vector<group_leave> const& members) {
  auto shard = shard_of(broker, place);
  if (!shard) return std::unexpected(shard.error());
  return (*shard)->leave(group, members);
}

}  // namespace

task<net::leave_group_response> handle(request_context& context,
                                       net::leave_group_request const& request) {
  auto& broker = context.broker;
  auto place = find_group(broker, request.group_id);
  if (!place) co_return net::leave_group_response{.error = place.error()};
  auto members = members_of(request, context.version);
  auto errors = co_await submit_to(place->core, [&broker, &place, &request, &members] {
    return leave_here(broker, *place, request.group_id, members);
  });
  if (!errors) co_return net::leave_group_response{.error = errors.error()};
  if (context.version < names_members) {
    co_return net::leave_group_response{.error = errors->front()};
  }
  net::leave_group_response response;
  for (std::size_t i = 0; i < members.size(); ++i) {
    response.members.push_back({.member_id = std::move(members[i].member_id),
                                .group_instance_id = std::move(members[i].instance_id),
                                .error = (*errors)[i]});
  }
  co_return response;
}

}  // namespace karst::cluster
