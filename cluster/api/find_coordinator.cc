#include "cluster/api/group_calls.h"
#include "reactor/base/logging.h"

namespace karst::cluster {
namespace {

constexpr std::int8_t group_type = 0;
constexpr std::int8_t transaction_type = 1;
constexpr std::int16_t several_keys = 4;

// How long an answer waits for the groups to be read from the log, so that a client's next request
// need not be tried again. Groups that take longer say so themselves.
constexpr duration patience = 500ms;

task<expected<void, refusal>> make_offsets_topic(broker& broker) {
  if (auto early = broker.no_topics_yet()) {
    co_return unexpected<refusal>(
        refusal{net::error_code::coordinator_not_available, early->message});
  }
  co_return co_await broker.topics().create_automatically(std::string{offsets_topic});
}

task<> wait_until_loaded(broker& broker, group_place place, time_point deadline) {
  return broker.groups().loaded(place, deadline);
}

struct outcome {
  net::error_code error = net::error_code::none;
  std::string message;
};

task<outcome> coordinator_of_group(broker& broker, std::string_view group_id) {
  if (broker.metadata().current()->find(offsets_topic) == nullptr) {
    auto made =
        co_await submit_to(controller_core, [&broker] { return make_offsets_topic(broker); });
    if (!made) {
      static logging::rate_limit limit;
      if (std::uint64_t left_out = 0; limit.pass(left_out)) {
        logging::warn("groups", "cannot create {} yet: {}", offsets_topic, made.error().message);
      }
      co_return outcome{net::error_code::coordinator_not_available, made.error().message};
    }
  }
  auto place = find_group(broker, group_id, true);
  if (!place) co_return outcome{place.error(), {}};
  auto deadline = core::current().now() + patience;
  co_await submit_to(place->core, [&broker, &place, deadline] {
    return wait_until_loaded(broker, *place, deadline);
  });
  co_return outcome{};
}

task<outcome> coordinator_of(broker& broker, std::string_view key, std::int8_t type) {
  if (type == group_type) co_return co_await coordinator_of_group(broker, key);
  co_return outcome{net::error_code::invalid_request,
                    type == transaction_type
                        ? "transactions are not available in this version"
                        : fmt::format("there is no coordinator of type {}", type)};
}

}  // namespace

task<net::find_coordinator_response> handle(request_context& context,
                                            net::find_coordinator_request const& request) {
  auto& broker = context.broker;
  auto const& self = broker.identity();
  net::find_coordinator_response response;
  if (context.version < several_keys) {
    auto found = co_await coordinator_of(broker, request.key, request.key_type);
    response.error = found.error;
    response.error_message = found.message;
    response.node_id = -1;
    response.port = -1;
    if (found.error == net::error_code::none) {
      response.error_message = "NONE";  // Kafka's
      response.node_id = self.id;
      response.host = self.host;
      response.port = self.port;
    }
    co_return response;
  }
  for (auto key : request.coordinator_keys) {
    auto found = co_await coordinator_of(broker, key, request.key_type);
    auto& answer = response.coordinators.emplace_back();
    answer.key = key;
    answer.error = found.error;
    answer.error_message = found.message;
    answer.node_id = -1;
    answer.port = -1;
    if (found.error != net::error_code::none) continue;
    answer.node_id = self.id;
    answer.host = self.host;
    answer.port = self.port;
  }
  co_return response;
}

}  // namespace karst::cluster
