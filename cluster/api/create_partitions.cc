#include "cluster/api/changed_topics.h"
#include "reactor/base/hash.h"
#include "reactor/submit_to.h"

namespace karst::cluster {
namespace {

using topic_answer = net::create_partitions_response::topic;

partitions_request translate(net::create_partitions_request::topic const& asked) {
  partitions_request request{.name = std::string{asked.name}, .count = asked.count};
  if (!asked.assignments) return request;
  request.assignments.emplace();
  for (auto const& each : *asked.assignments) request.assignments->push_back(each.broker_ids);
  return request;
}

task<expected<void, refusal>> add_on_controller(broker& broker, partitions_request const& request,
                                                bool validate_only, time_point deadline) {
  if (auto not_yet = broker.no_topics_yet()) co_return std::unexpected(std::move(*not_yet));
  co_return co_await broker.topics().add_partitions(request, validate_only, deadline);
}

task<> add_to_one(request_context& context, net::create_partitions_request::topic const& asked,
                  bool validate_only, time_point deadline, topic_answer& answer) {
  auto request = translate(asked);
  auto& broker = context.broker;
  auto added = co_await submit_to(controller_core, [&broker, &request, validate_only, deadline] {
    return add_on_controller(broker, request, validate_only, deadline);
  });
  if (added) co_return;
  answer.error = added.error().code;
  if (!added.error().message.empty()) answer.error_message = added.error().message;
}

}  // namespace

task<net::create_partitions_response> handle(request_context& context,
                                             net::create_partitions_request const& request) {
  net::create_partitions_response response;
  co_await change_each_topic(context, request, response.results, &add_to_one);
  co_return response;
}

}  // namespace karst::cluster
