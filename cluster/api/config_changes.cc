#include "cluster/api/config_changes.h"

namespace karst::cluster {
namespace {

task<expected<void, refusal>> change_on_controller(broker& broker, config_request const& request,
                                                   bool validate_only) {
  if (auto not_yet = broker.no_topics_yet()) co_return std::unexpected(std::move(*not_yet));
  co_return co_await broker.topics().set_configs(request, validate_only);
}

}  // namespace

task<expected<void, refusal>> change_configs(broker& broker, std::int8_t resource_type,
                                             config_request request, bool validate_only) {
  if (resource_type == broker_resource) {
    co_return refuse(net::error_code::invalid_request,
                     "a broker's settings cannot be changed while it runs: set them where it is "
                     "started (properties file, environment, --set) and restart it");
  }
  if (resource_type != topic_resource) {
    co_return refuse(net::error_code::invalid_request,
                     fmt::format("Unknown resource type {}: only topics (2) have settings that can "
                                 "be changed",
                                 resource_type));
  }
  co_return co_await submit_to(controller_core, [&broker, &request, validate_only] {
    return change_on_controller(broker, request, validate_only);
  });
}

}  // namespace karst::cluster
