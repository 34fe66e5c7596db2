#include "cluster/api/distinct.h"
#include "cluster/api/group_calls.h"

namespace karst::cluster {
namespace {

task<deleted_offsets> delete_here(broker& broker, group_place place, std::string_view group,
                                  std::vector<offset_place> const& partitions) {
  auto shard = shard_of(broker, place);
  if (!shard) co_return deleted_offsets{.error = shard.error()};
  co_return co_await group_shard::delete_offsets(*shard, group, partitions);
}

}  // namespace

task<net::offset_delete_response> handle(request_context& context,
                                         net::offset_delete_request const& request) {
  auto& broker = context.broker;
  net::offset_delete_response response;
  auto place = find_group(broker, request.group_id);
  if (!place) {
    response.error = place.error();
    co_return response;
  }
  auto const& snapshot = *broker.metadata().current();
  auto topics = distinct(request.topics);
  std::vector<offset_place> known;
  std::vector<std::pair<std::size_t, std::size_t>> places;  // of these in the answer
  for (auto const& topic : topics) {
    auto& answer = response.topics.emplace_back();
    answer.name = topic.name;
    for (auto const& each : topic.partitions) {
      auto& partition = answer.partitions.emplace_back();
      partition.index = each.asked->index;
      if (snapshot.find(topic.name, partition.index) == nullptr) {
        partition.error = net::error_code::unknown_topic_or_partition;
        continue;
      }
      known.push_back({std::string{topic.name}, partition.index});
      places.emplace_back(response.topics.size() - 1, answer.partitions.size() - 1);
    }
  }
  auto deleted = co_await submit_to(place->core, [&broker, &place, &request, &known] {
    return delete_here(broker, *place, request.group_id, known);
  });
  response.error = deleted.error;
  if (deleted.error != net::error_code::none) {
    response.topics.clear();
    co_return response;
  }
  for (std::size_t i = 0; i < places.size(); ++i) {
    response.topics[places[i].first].partitions[places[i].second].error = deleted.partitions[i];
  }
  co_return response;
}

}  // namespace karst::cluster
