#include "cluster/api/handlers.h"
#include "reactor/base/logging.h"
#include "reactor/submit_to.h"

namespace karst::cluster {
namespace {

task<expected<log::producer_id, refusal>> next_producer_id(broker& broker) {
  return broker.producer_ids().next();
}

}  // namespace

task<net::init_producer_id_response> handle(request_context& context,
                                            net::init_producer_id_request const& request) {
  net::init_producer_id_response response;
  response.producer_epoch = -1;
  if (request.transactional_id) {
    static logging::rate_limit limit;
    if (std::uint64_t left_out = 0; limit.pass(left_out)) {
      logging::warn("api",
                    "refused InitProducerId with transactional id '{}': transactions are not "
                    "available in this version; "
                    "use an idempotent producer without transactional.id",
                    logging::escape(*request.transactional_id));
    }
    response.error = net::error_code::invalid_request;
    co_return response;
  }
  // An idempotent producer gets a new id, whatever it had: since KIP-360 it raises its epoch by
  // itself.
  auto& broker = context.broker;
  auto id = co_await submit_to(controller_core, [&broker] { return next_producer_id(broker); });
  if (!id) {
    response.error = id.error().code;
    co_return response;
  }
  response.producer_id = id->value;
  response.producer_epoch = 0;
  co_return response;
}

}  // namespace karst::cluster
