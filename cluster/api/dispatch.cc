#include "cluster/api/dispatch.h"

#include <algorithm>
#include <array>

#include "cluster/api/handlers.h"

namespace karst::cluster {
namespace {

template <typename Request>
task<net::response> serve(broker& broker, net::request const& request) {
  auto version = request.api_version;
  auto message = net::decode<Request>(request.body, version);
  if (!message)
    co_return net::response{.what = net::response::action::close,
                            .reason = std::move(message.error())};
  request_context context{.broker = broker, .request = request, .version = version};
  auto answer = co_await handle(context, message->message);
  net::response response{.what = context.what, .reason = std::move(context.close_reason)};
  if (response.what != net::response::action::reply) co_return response;
  response.flexible_header = net::has_flexible_response_header(Request::info.key, version);
  response.body = net::encode(std::move(answer), version);
  co_return response;
}

using serve_function = task<net::response> (*)(broker&, net::request const&);

struct entry {
  offered_api api;
  net::overlap overlap;
  serve_function serve;
};

template <typename Request>
constexpr entry make_entry(net::overlap overlap = net::overlap::alone) {
  return {{Request::info.key, Request::info.valid, Request::info.valid}, overlap, &serve<Request>};
}

// librdkafka up to 2.11.0 turns compression off unless the listed range holds version 0
// (KAFKA-18659).
constexpr entry make_produce_entry() {
  auto made = make_entry<net::produce_request>(net::overlap::produce);
  made.api.listed.lowest = 0;
  return made;
}

constexpr std::array entries{
    make_produce_entry(),
    make_entry<net::fetch_request>(),
    make_entry<net::list_offsets_request>(),
    make_entry<net::metadata_request>(),
    make_entry<net::offset_commit_request>(),
    make_entry<net::offset_fetch_request>(),
    make_entry<net::find_coordinator_request>(),
    make_entry<net::join_group_request>(),
    make_entry<net::heartbeat_request>(),
    make_entry<net::leave_group_request>(),
    make_entry<net::sync_group_request>(),
    make_entry<net::describe_groups_request>(),
    make_entry<net::list_groups_request>(),
    make_entry<net::api_versions_request>(),
    make_entry<net::create_topics_request>(),
    make_entry<net::delete_topics_request>(),
    make_entry<net::delete_records_request>(),
    make_entry<net::init_producer_id_request>(),
    make_entry<net::offset_for_leader_epoch_request>(),
    make_entry<net::describe_configs_request>(),
    make_entry<net::alter_configs_request>(),
    make_entry<net::describe_log_dirs_request>(),
    make_entry<net::create_partitions_request>(),
    make_entry<net::delete_groups_request>(),
    make_entry<net::incremental_alter_configs_request>(),
    make_entry<net::offset_delete_request>(),
    make_entry<net::describe_cluster_request>(),
};
static_assert(std::ranges::is_sorted(entries, {}, [](entry const& each) { return each.api.key; }));

constexpr auto apis = [] {
  std::array<offered_api, entries.size()> list{};
  std::ranges::transform(entries, list.begin(), &entry::api);
  return list;
}();

entry const* find(std::int16_t key) {
  auto found =
      std::ranges::find(entries, net::api_key{key}, [](entry const& each) { return each.api.key; });
  return found == entries.end() ? nullptr : &*found;
}

// The asker's version is not known here, so the answer has the oldest form, and says which versions
// of ApiVersions may be asked for instead (KIP-511). The connection stays.
task<net::response> refuse_version(entry const& api_versions) {
  net::api_versions_response answer{.error = net::error_code::unsupported_version};
  answer.api_keys.push_back({net::api_key::api_versions, api_versions.api.listed.lowest,
                             api_versions.api.listed.highest});
  net::response response;
  response.body = net::encode(std::move(answer), 0);
  co_return response;
}

}  // namespace

std::span<offered_api const> offered_apis() { return apis; }

bool dispatcher::admits(std::int16_t api_key, std::int16_t api_version, std::string& reason) const {
  if (net::api_key{api_key} == net::api_key::api_versions && api_version >= 0) return true;
  auto const* api = find(api_key);
  if (api == nullptr) {
    reason = fmt::format("API key {} is not served", api_key);
    return false;
  }
  auto served = api->api.served;
  if (served.contain(api_version)) return true;
  reason = fmt::format("{} version {} is not served, only {} to {}", name_of(api->api.key),
                       api_version, served.lowest, served.highest);
  return false;
}

net::overlap dispatcher::overlap_of(std::int16_t api_key) const {
  auto const* api = find(api_key);
  return api == nullptr ? net::overlap::alone : api->overlap;
}

task<net::response> dispatcher::handle(net::request const& request) {
  auto const* api = find(request.api_key);
  KARST_ASSERT(api != nullptr, "key {}", request.api_key);
  if (!api->api.served.contain(request.api_version)) {
    KARST_ASSERT(api->api.key == net::api_key::api_versions, "{} v{}", request.api_key,
                 request.api_version);
    return refuse_version(*api);
  }
  return api->serve(broker_, request);
}

}  // namespace karst::cluster
