#include "net/group_admin.h"

#include "net/consumer_protocol.h"
#include "net/messages/delete_groups.h"
#include "net/messages/describe_groups.h"
#include "net/messages/list_groups.h"
#include "net/messages/offset_fetch.h"
#include "reactor/core.h"

namespace karst::net {
namespace {

// So many groups in one DescribeGroups of a list: an answer stays small.
constexpr std::size_t described_at_once = 100;

error_code outcome(describe_groups_response const& reply) {
  return reply.groups.empty() ? error_code::group_id_not_found : reply.groups.front().error;
}
error_code outcome(offset_fetch_response const& reply) {
  return reply.groups.empty() ? reply.error : reply.groups.front().error;
}
error_code outcome(delete_groups_response const& reply) {
  return reply.results.empty() ? error_code::group_id_not_found : reply.results.front().error;
}
error_code outcome(offset_commit_response const& reply) { return outcome_of_commit(reply); }

// Asks the group's coordinator, and again while it moves or loads. The answer may still hold
// another error.
template <typename Response, typename Request>
task<expected<answer<Response>, error>> ask_coordinator(client& brokers, std::string group,
                                                        Request request) {
  auto attempts_until = brokers.patience();
  while (true) {
    auto coordinator = co_await brokers.coordinator_of(group);
    if (!coordinator) co_return unexpected<error>(coordinator.error());
    auto reply = co_await (*coordinator)->template ask<Response>(request);
    if (!reply) co_return unexpected<error>(reply.error());
    auto code = outcome(**reply);
    auto moved = code == error_code::not_coordinator ||
                 code == error_code::coordinator_not_available ||
                 code == error_code::coordinator_load_in_progress;
    if (!moved || !brokers.may_retry(code, attempts_until)) co_return reply;
    brokers.forget_coordinator(group);
    co_await brokers.pause();
  }
}

std::string without_slash(std::string host) {
  return host.starts_with('/') ? host.substr(1) : host;
}

group_description::member to_member(describe_groups_response::member& from, bool consumer) {
  group_description::member member{.id = std::move(from.member_id),
                                   .instance_id = std::move(from.group_instance_id),
                                   .client_id = std::move(from.client_id),
                                   .host = without_slash(std::move(from.client_host))};
  // Members of Connect and others have assignments of another form.
  if (!consumer) return member;
  if (auto wanted = parse_subscribed_topics(from.member_metadata.bytes)) {
    member.subscribed.assign(wanted->begin(), wanted->end());
  }
  member.assigned = assigned_in(from.member_assignment.bytes);
  return member;
}

// Adds to the groups of a list what only a description has.
task<expected<void, error>> add_descriptions(client_connection& broker,
                                             std::vector<group_listing>& groups) {
  for (std::size_t from = 0; from < groups.size(); from += described_at_once) {
    auto to = std::min(groups.size(), from + described_at_once);
    describe_groups_request request;
    for (auto place = from; place < to; ++place) request.groups.push_back(groups[place].id);
    auto reply = co_await broker.ask<describe_groups_response>(std::move(request));
    if (!reply) co_return unexpected<error>(reply.error());
    for (auto const& each : (*reply)->groups) {
      auto found = std::ranges::find(groups, each.group_id, &group_listing::id);
      if (found == groups.end() || each.error != error_code::none) continue;
      found->members = each.members.size();
      if (found->state.empty()) found->state = each.group_state;
    }
  }
  co_return expected<void, error>{};
}

}  // namespace

offset_commit_request to_commit_request(std::string_view group,
                                        offsets_by_partition const& offsets) {
  offset_commit_request request{.group_id = group};
  for (auto const& [where, offset] : offsets) {
    if (request.topics.empty() || request.topics.back().name != where.topic) {
      request.topics.push_back({.name = where.topic});
    }
    request.topics.back().partitions.push_back(
        {.index = where.partition, .committed_offset = offset});
  }
  return request;
}

error_code outcome_of_commit(offset_commit_response const& reply) {
  for (auto const& topic : reply.topics) {
    for (auto const& each : topic.partitions) {
      if (each.error != error_code::none) return each.error;
    }
  }
  return error_code::none;
}

task<expected<std::vector<group_listing>, error>> group_admin::list() {
  auto brokers = co_await brokers_.every_broker();
  if (!brokers) co_return unexpected<error>(brokers.error());
  std::vector<group_listing> all;
  for (auto* broker : *brokers) {
    auto attempts_until = brokers_.patience();
    auto reply = co_await broker->ask<list_groups_response>(list_groups_request{});
    while (reply && brokers_.may_retry((*reply)->error, attempts_until)) {
      co_await brokers_.pause();
      reply = co_await broker->ask<list_groups_response>(list_groups_request{});
    }
    if (!reply) co_return unexpected<error>(reply.error());
    if ((*reply)->error != error_code::none) {
      auto what = fmt::format("cannot list the groups of {}", broker->name());
      co_return unexpected<error>(to_error((*reply)->error, {}, what));
    }
    std::vector<group_listing> here;
    for (auto& each : (*reply)->groups) {
      here.push_back({each.group_id, each.group_state, each.protocol_type, each.group_type});
    }
    auto described = co_await add_descriptions(*broker, here);
    if (!described) co_return unexpected<error>(described.error());
    all.insert(all.end(), here.begin(), here.end());
  }
  std::ranges::sort(all, {}, &group_listing::id);
  co_return all;
}

task<expected<group_description, error>> group_admin::describe(std::string group) {
  describe_groups_request request;
  request.groups.push_back(group);
  auto reply = co_await ask_coordinator<describe_groups_response>(brokers_, group, request);
  if (!reply) co_return unexpected<error>(reply.error());
  auto code = outcome(**reply);
  // Until version 5 a group that does not exist was described as dead.
  if (code == error_code::none && (*reply)->groups.front().group_state == "Dead") {
    code = error_code::group_id_not_found;
  }
  if (code != error_code::none) {
    auto message = (*reply)->groups.empty() ? std::nullopt : (*reply)->groups.front().error_message;
    // "Group x not found." has less to say than our own text; that it is of another kind has more.
    if (message && message->contains("not found")) message.reset();
    co_return unexpected<error>(to_error(code, message, "group " + group));
  }
  auto& found = (*reply)->groups.front();
  auto coordinator = co_await brokers_.coordinator_of(group);
  group_description description{.id = group,
                                .state = found.group_state,
                                .protocol_type = found.protocol_type,
                                .assignor = found.protocol_data,
                                .coordinator = coordinator ? (*coordinator)->name() : ""};
  for (auto& each : found.members) {
    description.members.push_back(to_member(each, found.protocol_type == "consumer"));
  }
  std::ranges::sort(description.members, {}, &group_description::member::id);
  co_return description;
}

task<expected<offsets_by_partition, error>> group_admin::offsets(std::string group) {
  offset_fetch_request request{.group_id = group, .topics = std::nullopt};
  request.groups.push_back({.group_id = group, .member_id = std::nullopt, .topics = std::nullopt});
  auto reply = co_await ask_coordinator<offset_fetch_response>(brokers_, group, request);
  if (!reply) co_return unexpected<error>(reply.error());
  auto what = fmt::format("cannot read the offsets of group {}", group);
  if (auto code = outcome(**reply); code != error_code::none) {
    co_return unexpected<error>(to_error(code, {}, what));
  }
  offsets_by_partition offsets;
  auto& topics = (*reply)->groups.empty() ? (*reply)->topics : (*reply)->groups.front().topics;
  for (auto const& topic : topics) {
    for (auto const& each : topic.partitions) {
      if (each.error != error_code::none) {
        co_return unexpected<error>(to_error(each.error, {}, what));
      }
      if (each.committed_offset >= 0) offsets[{topic.name, each.index}] = each.committed_offset;
    }
  }
  co_return offsets;
}

task<expected<void, error>> group_admin::commit(std::string group, offsets_by_partition offsets) {
  auto request = to_commit_request(group, offsets);
  auto reply = co_await ask_coordinator<offset_commit_response>(brokers_, group, request);
  if (!reply) co_return unexpected<error>(reply.error());
  if (auto code = outcome(**reply); code != error_code::none) {
    co_return unexpected<error>(to_error(code, {}, "cannot commit offsets of group " + group));
  }
  co_return expected<void, error>{};
}

task<expected<void, error>> group_admin::remove(std::string group) {
  delete_groups_request request;
  request.groups_names.push_back(group);
  auto reply = co_await ask_coordinator<delete_groups_response>(brokers_, group, request);
  if (!reply) co_return unexpected<error>(reply.error());
  if (auto code = outcome(**reply); code != error_code::none) {
    co_return unexpected<error>(to_error(code, {}, "cannot delete group " + group));
  }
  co_return expected<void, error>{};
}

}  // namespace karst::net
