#include "cluster/api/dispatch.h"
#include "cluster/api/handlers.h"
#include "reactor/base/logging.h"

namespace karst::cluster {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Kafka's rule for a client's name and version (KIP-511): letters and digits, inside also '-' and
// '.'.
bool is_valid_software(std::string_view text) {
  return !text.empty() && is_letter_or_digit(text.front()) && is_letter_or_digit(text.back()) &&
         std::ranges::all_of(text,
                             [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.'; });
}

}  // namespace

task<net::api_versions_response> handle(request_context& context,
                                        net::api_versions_request const& request) {
  net::api_versions_response response;
  if (context.version >= 3) {
    if (!is_valid_software(request.client_software_name) ||
        !is_valid_software(request.client_software_version)) {
      response.error = net::error_code::invalid_request;
      co_return response;
    }
    if (auto* connection = context.request.connection) {
      connection->client_software = logging::escape(
          fmt::format("{} {}", request.client_software_name, request.client_software_version));
    }
  }
  for (auto const& api : offered_apis())
    response.api_keys.push_back({api.key, api.listed.lowest, api.listed.highest});
  co_return response;
}

}  // namespace karst::cluster
