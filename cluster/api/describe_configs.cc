#include <charconv>

#include "cluster/api/config_changes.h"
#include "cluster/api/handlers.h"
#include "cluster/topic_name.h"
#include "reactor/base/logging.h"

namespace karst::cluster {
namespace {

using configs_result = net::describe_configs_response::result;

void fail(configs_result& result, net::error_code code, std::string message) {
  result.error = code;
  result.error_message = std::move(message);
}

bool is_wanted(net::describe_configs_request::resource const& resource, std::string_view name) {
  // Null and an empty list both ask for everything.
  if (!resource.keys || resource.keys->empty()) return true;
  return std::ranges::find(*resource.keys, name) != resource.keys->end();
}

net::describe_configs_response::config describe(described_config const& config,
                                                net::describe_configs_request const& request) {
  net::describe_configs_response::config answer{.name = config.name,
                                                .read_only = config.read_only,
                                                .source = static_cast<std::int8_t>(config.source),
                                                .is_sensitive = config.sensitive,
                                                .type = static_cast<std::int8_t>(config.type),
                                                .documentation = std::nullopt};
  if (!config.sensitive) answer.value = config.value;
  if (request.include_documentation) answer.documentation = std::string{config.documentation};
  if (!request.include_synonyms) return answer;
  for (auto const& synonym : config.synonyms) {
    auto value = config.sensitive ? std::nullopt : synonym.value;
    answer.synonyms.push_back({synonym.name, value, static_cast<std::int8_t>(synonym.source)});
  }
  return answer;
}

std::optional<std::vector<described_config>> topic_configs(broker& broker, std::string_view name,
                                                           configs_result& result) {
  if (!is_valid_topic_name(name)) {
    fail(result, net::error_code::invalid_topic_exception,
         fmt::format("'{}' is not a legal topic name", logging::escape(name)));
    return std::nullopt;
  }
  auto const* topic = broker.metadata().current()->find(name);
  if (topic == nullptr) {
    fail(result, net::error_code::unknown_topic_or_partition,
         fmt::format("topic {} does not exist", name));
    return std::nullopt;
  }
  return describe_topic_configs(broker.config(), topic->overrides);
}

std::optional<std::vector<described_config>> broker_configs(broker& broker, std::string_view name,
                                                            configs_result& result) {
  // The empty name stands for the dynamic defaults of all brokers: there are none.
  if (name.empty()) return std::vector<described_config>{};
  std::int32_t id = -1;
  auto const* end = name.data() + name.size();
  auto [rest, status] = std::from_chars(name.data(), end, id);
  if (status != std::errc{} || rest != end) {
    fail(result, net::error_code::invalid_request,
         fmt::format("a broker is named by its number, not by '{}'", logging::escape(name)));
    return std::nullopt;
  }
  if (id != broker.identity().id) {
    fail(
        result, net::error_code::invalid_request,
        fmt::format("this is broker {}: broker {} must be asked itself", broker.identity().id, id));
    return std::nullopt;
  }
  return describe_broker_configs(broker.config());
}

}  // namespace

task<net::describe_configs_response> handle(request_context& context,
                                            net::describe_configs_request const& request) {
  net::describe_configs_response response;
  for (auto const& resource : request.resources) {
    auto& result = response.results.emplace_back();
    result.type = resource.type;
    result.name = resource.name;
    std::optional<std::vector<described_config>> configs;
    if (resource.type == topic_resource) {
      configs = topic_configs(context.broker, resource.name, result);
    } else if (resource.type == broker_resource) {
      configs = broker_configs(context.broker, resource.name, result);
    } else {
      fail(result, net::error_code::invalid_request,
           fmt::format(
               "resources of type {} have no configuration here, only topics (2) and brokers (4)",
               resource.type));
    }
    if (!configs) continue;
    for (auto const& config : *configs) {
      if (is_wanted(resource, config.name)) result.configs.push_back(describe(config, request));
    }
  }
  co_return response;
}

}  // namespace karst::cluster
