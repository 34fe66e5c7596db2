#include "cluster/api/config_changes.h"
#include "cluster/api/handlers.h"

namespace karst::cluster {
namespace {

config_change translate(net::alter_configs_request::config const& asked) {
  config_change change{.name = std::string{asked.name}};
  if (asked.value) change.value = std::string{*asked.value};
  return change;
}

}  // namespace

task<net::alter_configs_response> handle(request_context& context,
                                         net::alter_configs_request const& request) {
  return answer_config_changes<net::alter_configs_response>(context.broker, request, false,
                                                            &translate);
}

}  // namespace karst::cluster
