#include "cluster/api/authorized_operations.h"
#include "cluster/api/handlers.h"

namespace karst::cluster {
namespace {

constexpr std::int8_t broker_endpoints = 1;
constexpr std::int8_t controller_endpoints = 2;

}  // namespace

task<net::describe_cluster_response> handle(request_context& context,
                                            net::describe_cluster_request const& request) {
  net::describe_cluster_response response;
  if (request.endpoint_type == controller_endpoints) {
    response.error = net::error_code::mismatched_endpoint_type;
    response.error_message = "this is a broker, not a controller: ask with --bootstrap-server";
    co_return response;
  }
  if (request.endpoint_type != broker_endpoints) {
    response.error = net::error_code::unsupported_endpoint_type;
    response.error_message =
        fmt::format("endpoint type {} is not known, only 1 (brokers)", request.endpoint_type);
    co_return response;
  }
  auto const& snapshot = *context.broker.metadata().current();
  response.cluster_id = snapshot.cluster_id;
  response.controller_id = snapshot.controller_id;
  for (auto const& each : snapshot.brokers)
    response.brokers.push_back({each.id, each.host, each.port, each.rack});
  if (request.include_cluster_authorized_operations)
    response.cluster_authorized_operations = operations_on_cluster;
  co_return response;
}

}  // namespace karst::cluster
