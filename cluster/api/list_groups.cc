#include <set>

#include "cluster/api/group_calls.h"
#include "cluster/every_core.h"

namespace karst::cluster {
namespace {

struct core_groups {
  net::error_code error{};
  std::vector<listed_group> groups;
};

// Kafka compares both filters without regard to case.
std::string lower(std::string_view text) {
  std::string result{text};
  for (auto& each : result) each = each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each;
  return result;
}

std::set<std::string> lower_all(std::vector<std::string_view> const& texts) {
  std::set<std::string> all;
  for (auto each : texts) all.insert(lower(each));
  return all;
}

}  // namespace

task<net::list_groups_response> handle(request_context& context,
                                       net::list_groups_request const& request) {
  constexpr std::string_view only_type = "classic";
  net::list_groups_response response;
  auto& broker = context.broker;
  std::vector<core_groups> found(broker.cores());
  co_await on_every_core(broker.cores(), [&](core_id core) {
    found[core] = {broker.groups().status(), broker.groups().list()};
  });
  auto states = lower_all(request.states_filter);
  auto types = lower_all(request.types_filter);
  if (!types.empty() && !types.contains(std::string{only_type})) co_return response;
  for (auto& core : found) {
    if (core.error != net::error_code::none) response.error = core.error;
    for (auto& each : core.groups) {
      auto state = group_state_name(each.state);
      if (!states.empty() && !states.contains(lower(state))) continue;
      response.groups.push_back({.group_id = std::move(each.id),
                                 .protocol_type = std::move(each.protocol_type),
                                 .group_state = std::string{state},
                                 .group_type = std::string{only_type}});
    }
  }
  if (response.error != net::error_code::none) response.groups.clear();
  co_return response;
}

}  // namespace karst::cluster
