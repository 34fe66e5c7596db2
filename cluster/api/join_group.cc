#include "cluster/api/group_calls.h"

namespace karst::cluster {
namespace {

constexpr std::int16_t has_rebalance_timeout = 1;
constexpr std::int16_t requires_member_id = 4;     // KIP-394
constexpr std::int16_t knows_no_protocol = 7;      // null instead of ""
constexpr std::int16_t knows_skip_assignment = 9;  // KIP-814

std::optional<std::string> owned(std::optional<std::string_view> text) {
  if (!text) return std::nullopt;
  return std::string{*text};
}

group_join make_join(request_context const& context, net::join_group_request const& request) {
  group_join join{.member_id = std::string{request.member_id},
                  .instance_id = owned(request.group_instance_id),
                  .client_id = context.request.client_id.value_or(""),
                  .client_host = client_host_of(context.request),
                  .session_timeout_ms = request.session_timeout_ms,
                  .rebalance_timeout_ms = context.version >= has_rebalance_timeout
                                              ? request.rebalance_timeout_ms
                                              : request.session_timeout_ms,
                  .protocol_type = std::string{request.protocol_type},
                  .requires_known_member_id =
                      context.version >= requires_member_id && !request.group_instance_id,
                  .supports_skip_assignment = context.version >= knows_skip_assignment};
  for (auto const& each : request.protocols) {
    join.protocols.push_back({std::string{each.name}, std::string{each.metadata.bytes}});
  }
  return join;
}

// What cannot be stored is refused before anything is kept of it. A member id may become the
// client's or instance's name with a UUID of 36 characters behind a dash.
bool is_storable(net::join_group_request const& request) {
  constexpr std::size_t longest_given = longest_group_text - 37;
  auto fits = [](std::string_view text) { return text.size() <= longest_given; };
  auto names_fit = std::ranges::all_of(request.protocols,
                                       [&](auto const& protocol) { return fits(protocol.name); });
  std::size_t brought = 0;
  for (auto const& each : request.protocols) brought += each.metadata.size();
  return brought <= limit::member_metadata_bytes && fits(request.member_id) &&
         fits(request.group_instance_id.value_or("")) && fits(request.protocol_type) && names_fit;
}

net::join_group_response describe(group_join_answer&& answer, std::int16_t version) {
  net::join_group_response response{.error = answer.error,
                                    .generation_id = answer.generation,
                                    .protocol_type = std::move(answer.protocol_type),
                                    .protocol_name = std::move(answer.protocol),
                                    .leader = std::move(answer.leader),
                                    .skip_assignment = answer.skip_assignment,
                                    .member_id = std::move(answer.member_id)};
  if (version < knows_no_protocol && !response.protocol_name) response.protocol_name = "";
  for (auto& member : answer.members) {
    response.members.push_back(
        {std::move(member.id), std::move(member.instance_id), {std::move(member.metadata)}});
  }
  return response;
}

// On the group's core.
task<std::optional<group_join_answer>> join_here(broker& broker, group_place place,
                                                 std::string_view group, group_join const& join,
                                                 abort_source& gone) {
  auto shard = shard_of(broker, place);
  if (!shard) {
    co_return group_join_answer{.error = shard.error(), .member_id = join.member_id};
  }
  co_return co_await group_shard::join(*shard, group, join, gone);
}

}  // namespace

task<net::join_group_response> handle(request_context& context,
                                      net::join_group_request const& request) {
  auto refuse = [&](net::error_code error) {
    return describe({.error = error, .member_id = std::string{request.member_id}}, context.version);
  };
  auto place = find_group(context.broker, request.group_id);
  if (!place) co_return refuse(place.error());
  if (!is_storable(request)) co_return refuse(net::error_code::invalid_request);
  auto join = make_join(context, request);
  auto& broker = context.broker;
  auto work = [&](abort_source& gone) {
    return join_here(broker, *place, request.group_id, join, gone);
  };
  auto answer = co_await parked_on<group_join_answer>(context, place->core, work);
  // The broker stops, or nobody reads it.
  if (!answer) co_return refuse(net::error_code::not_coordinator);
  co_return describe(std::move(*answer), context.version);
}

}  // namespace karst::cluster
