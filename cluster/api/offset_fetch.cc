#include "cluster/api/group_calls.h"

namespace karst::cluster {
namespace {

using group_request = net::offset_fetch_request::group;
using group_answer = net::offset_fetch_response::group;
using topic_answer = net::offset_fetch_response::topic;
using partition_answer = net::offset_fetch_response::partition;

constexpr std::int16_t error_for_all = 2;
constexpr std::int16_t several_groups = 8;

// Not committed: no error, but the offset -1 (as from Kafka).
partition_answer describe(std::int32_t index, committed_offset const* committed) {
  partition_answer answer{.index = index, .committed_offset = -1};
  if (committed == nullptr) return answer;
  answer.committed_offset = committed->offset;
  answer.committed_leader_epoch = committed->leader_epoch;
  answer.metadata = committed->metadata;
  return answer;
}

std::vector<topic_answer> all_of(group_offsets const& offsets) {
  std::vector<topic_answer> topics;
  offsets.for_each(
      [&](std::string const& topic, std::int32_t partition, committed_offset const& each) {
        if (topics.empty() || topics.back().name != topic) topics.emplace_back().name = topic;
        topics.back().partitions.push_back(describe(partition, &each));
      });
  return topics;
}

// On the group's core.
group_answer fetch_here(broker& broker, group_place place, group_request const& request) {
  group_answer answer{.group_id = std::string{request.group_id}};
  auto shard = shard_of(broker, place);
  if (!shard) {
    answer.error = shard.error();
    return answer;
  }
  auto const* offsets = (*shard)->offsets(request.group_id);
  if (!request.topics) {
    if (offsets != nullptr) answer.topics = all_of(*offsets);
    return answer;
  }
  answer.topics.reserve(request.topics->size());
  for (auto const& topic : *request.topics) {
    auto& found = answer.topics.emplace_back();
    found.name = topic.name;
    for (auto partition : topic.partitions) {
      auto const* each = offsets == nullptr ? nullptr : offsets->find(topic.name, partition);
      found.partitions.push_back(describe(partition, each));
    }
  }
  return answer;
}

task<group_answer> fetch_group(broker& broker, group_request const& request) {
  auto place = find_group(broker, request.group_id, true);
  if (!place) {
    co_return group_answer{.group_id = std::string{request.group_id}, .error = place.error()};
  }
  co_return co_await submit_to(
      place->core, [&broker, &place, &request] { return fetch_here(broker, *place, request); });
}

// Version 1 has no place for an error but the partitions.
void put_error_on_partitions(group_request const& request, group_answer& answer) {
  for (auto const& topic : *request.topics) {
    auto& failed = answer.topics.emplace_back();
    failed.name = topic.name;
    for (auto partition : topic.partitions) {
      failed.partitions.push_back(describe(partition, nullptr));
      failed.partitions.back().error = answer.error;
    }
  }
}

}  // namespace

task<net::offset_fetch_response> handle(request_context& context,
                                        net::offset_fetch_request const& request) {
  net::offset_fetch_response response;
  if (context.version >= several_groups) {
    for (auto const& group : request.groups) {
      response.groups.push_back(co_await fetch_group(context.broker, group));
    }
    co_return response;
  }
  group_request only{.group_id = request.group_id, .topics = request.topics};
  auto answer = co_await fetch_group(context.broker, only);
  if (answer.error != net::error_code::none && context.version < error_for_all) {
    put_error_on_partitions(only, answer);
  }
  response.topics = std::move(answer.topics);
  response.error = answer.error;
  co_return response;
}

}  // namespace karst::cluster
