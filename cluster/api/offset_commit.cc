#include "cluster/api/distinct.h"
#include "cluster/api/group_calls.h"

namespace karst::cluster {
namespace {

constexpr std::int16_t last_with_retention = 4;

// What of the request may be committed, and the places of the answers.
struct commit_plan {
  std::vector<offset_to_commit> offsets;
  std::vector<net::error_code*> errors;
};

committed_offset make_commit(net::offset_commit_request const& request,
                             net::offset_commit_request::partition const& partition,
                             std::int16_t version, wall_ms now) {
  committed_offset commit{.offset = partition.committed_offset,
                          .leader_epoch = partition.committed_leader_epoch,
                          .metadata = std::string{partition.committed_metadata.value_or("")},
                          .commit_timestamp = now};
  if (version <= last_with_retention && request.retention_time_ms >= 0) {
    commit.expire_timestamp = now + request.retention_time_ms;
  }
  return commit;
}

task<net::error_code> commit_here(broker& broker, group_place place,
                                  net::offset_commit_request const& request,
                                  std::vector<offset_to_commit> const& offsets) {
  auto shard = shard_of(broker, place);
  if (!shard) co_return shard.error();
  group_claim claim{request.member_id, request.group_instance_id,
                    request.generation_id_or_member_epoch};
  co_return co_await group_shard::commit(*shard, request.group_id, claim, offsets);
}

// Fills the answer's places: what cannot be committed has its error already.
commit_plan make_plan(request_context& context, net::offset_commit_request const& request,
                      net::offset_commit_response& response) {
  auto const& snapshot = *context.broker.metadata().current();
  auto const longest =
      static_cast<std::size_t>(context.broker.config().number("offset.metadata.max.bytes"));
  auto const now = core::current().clock().wall_now();
  auto topics = distinct(request.topics);
  commit_plan plan;
  response.topics.reserve(topics.size());
  for (auto const& topic : topics) {
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    answer.partitions.reserve(topic.partitions.size());  // places must stay where they are
    for (auto const& each : topic.partitions) {
      auto const& partition = *each.asked;
      auto& place = answer.partitions.emplace_back();
      place.index = partition.index;
      if (snapshot.find(topic.name, partition.index) == nullptr) {
        place.error = net::error_code::unknown_topic_or_partition;
      } else if (partition.committed_metadata.value_or("").size() > longest) {
        place.error = net::error_code::offset_metadata_too_large;
      } else {
        plan.offsets.push_back({{std::string{topic.name}, partition.index},
                                make_commit(request, partition, context.version, now)});
        plan.errors.push_back(&place.error);
      }
    }
  }
  return plan;
}

}  // namespace

task<net::offset_commit_response> handle(request_context& context,
                                         net::offset_commit_request const& request) {
  auto& broker = context.broker;
  net::offset_commit_response response;
  auto plan = make_plan(context, request, response);
  // Nothing is left, but something was asked: the reasons are in the answer.
  if (plan.offsets.empty() && !request.topics.empty()) co_return response;
  auto place = find_group(broker, request.group_id, true);
  auto error =
      place ? co_await submit_to(place->core,
                                 [&] { return commit_here(broker, *place, request, plan.offsets); })
            : place.error();
  for (auto* each : plan.errors) *each = error;
  co_return response;
}

}  // namespace karst::cluster
