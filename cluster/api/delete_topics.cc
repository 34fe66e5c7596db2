#include <map>

#include "cluster/api/handlers.h"
#include "reactor/submit_to.h"

namespace karst::cluster {
namespace {

using topic_answer = net::delete_topics_response::topic;

task<expected<void, refusal>> remove_on_controller(broker& broker, std::string const& name,
                                                   time_point deadline) {
  if (auto not_yet = broker.no_topics_yet()) co_return std::unexpected(std::move(*not_yet));
  co_return co_await broker.topics().remove(name, deadline);
}

void fail(topic_answer& answer, net::error_code code, std::string message) {
  answer.error = code;
  if (!message.empty()) answer.error_message = std::move(message);
}

// The name of the topic to delete; empty when the answer says already why not.
std::string name_of_topic(broker& broker, net::delete_topics_request::topic const& asked,
                          topic_answer& answer) {
  if (asked.name && !asked.id.is_zero()) {
    fail(answer, net::error_code::invalid_request,
         "a topic is named by name or by id, not by both");
  } else if (asked.name) {
    return std::string{*asked.name};
  } else if (asked.id.is_zero()) {
    fail(answer, net::error_code::invalid_request, "neither a name nor an id was given");
  } else if (auto const* topic = broker.metadata().current()->find(asked.id)) {
    return topic->name;
  } else {
    fail(answer, net::error_code::unknown_topic_id, "no topic has this id");
  }
  return {};
}

task<> remove_one(request_context& context, std::string const& name, time_point deadline,
                  topic_answer& answer) {
  auto& broker = context.broker;
  if (auto const* topic = broker.metadata().current()->find(name)) answer.id = topic->id;
  auto removed = co_await submit_to(controller_core, [&broker, &name, deadline] {
    return remove_on_controller(broker, name, deadline);
  });
  if (removed) co_return;
  auto code = removed.error().code;
  // Older clients do not know TOPIC_DELETION_DISABLED.
  if (code == net::error_code::topic_deletion_disabled && context.version < 3)
    code = net::error_code::invalid_request;
  fail(answer, code, removed.error().message);
}

}  // namespace

task<net::delete_topics_response> handle(request_context& context,
                                         net::delete_topics_request const& request) {
  net::delete_topics_response response;
  auto deadline =
      context.request.received_at + std::chrono::milliseconds{std::max(request.timeout_ms, 0)};
  auto asked = request.topics;
  for (auto name : request.topic_names) asked.push_back({.name = name, .id = {}});
  std::vector<std::string> names;
  std::map<std::string_view, int> mentions;
  response.topics.reserve(asked.size());
  names.reserve(asked.size());
  for (auto const& each : asked) {
    auto& answer = response.topics.emplace_back();
    answer.name = std::nullopt;
    if (each.name) answer.name = std::string{*each.name};
    answer.id = each.id;
    auto name = name_of_topic(context.broker, each, answer);
    auto resolved = answer.error == net::error_code::none;
    if (resolved) answer.name = name;
    names.push_back(std::move(name));
    if (!resolved || ++mentions[names.back()] == 1) continue;
    // Answered once, and nothing is deleted, as by Kafka 4.
    response.topics.pop_back();
    names.pop_back();
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto& answer = response.topics[i];
    if (answer.error != net::error_code::none) continue;
    if (mentions[names[i]] > 1) {
      fail(answer, net::error_code::invalid_request,
           "the topic is named more than once in the request");
    } else {
      co_await remove_one(context, names[i], deadline, answer);
    }
  }
  co_return response;
}

}  // namespace karst::cluster
