#pragma once

#include <set>

#include "cluster/broker.h"
#include "reactor/submit_to.h"

namespace karst::cluster {

// ConfigResource.Type by its protocol numbers.
inline constexpr std::int8_t topic_resource = 2;
inline constexpr std::int8_t broker_resource = 4;

// Changes the settings of what a request names, on the controller. Topics have settings that can be
// changed; a broker's are those of its start.
task<expected<void, refusal>> change_configs(broker& broker, std::int8_t resource_type,
                                             config_request request, bool validate_only);

// What AlterConfigs and IncrementalAlterConfigs have in common: each resource once, answered in
// order. `translate` makes the changes of one.
template <typename Response, typename Request, typename Translate>
task<Response> answer_config_changes(broker& broker, Request const& request, bool keep_others,
                                     Translate translate) {
  Response response;
  std::set<std::pair<std::int8_t, std::string_view>> seen;
  std::set<std::pair<std::int8_t, std::string_view>> repeated;
  for (auto const& each : request.resources) {
    std::pair<std::int8_t, std::string_view> key{each.resource_type, each.resource_name};
    if (!seen.insert(key).second) repeated.insert(key);
  }
  for (auto const& each : request.resources) {
    std::pair<std::int8_t, std::string_view> key{each.resource_type, each.resource_name};
    if (seen.erase(key) == 0) continue;
    auto& answer = response.responses.emplace_back();
    answer.error_message = std::nullopt;
    answer.resource_type = each.resource_type;
    answer.resource_name = each.resource_name;
    config_request asked{.name = std::string{each.resource_name}, .keep_others = keep_others};
    for (auto const& config : each.configs) asked.changes.push_back(translate(config));
    expected<void, refusal> done;
    if (repeated.contains(key)) {
      done = refuse(net::error_code::invalid_request, "Each resource must appear at most once.");
    } else {
      done = co_await change_configs(broker, each.resource_type, std::move(asked),
                                     request.validate_only);
    }
    if (done) continue;
    answer.error = done.error().code;
    answer.error_message = done.error().message;
  }
  co_return response;
}

}  // namespace karst::cluster
