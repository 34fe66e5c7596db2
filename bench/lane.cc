#include "bench/lane.h"

#include <map>

namespace karst::bench {
namespace {

task<expected<void, error>> make_if_missing(net::client& client, std::string name,
                                            std::int32_t partitions) {
  auto known = co_await client.metadata(std::vector{name});
  if (!known) co_return unexpected<error>(known.error());
  for (auto const& topic : (*known)->topics) {
    if (topic.error != net::error_code::unknown_topic_or_partition) continue;
    auto made = co_await client.create_topic({.name = name, .partitions = partitions});
    // Another bench may have been quicker.
    if (!made && made.error().code != errc::exists) co_return unexpected<error>(made.error());
  }
  co_return expected<void, error>{};
}

expected<void, error> add_lanes(net::metadata_response const& known, std::string const& name,
                                std::vector<lane>& lanes) {
  for (auto const& topic : known.topics) {
    if (topic.error != net::error_code::none) {
      return unexpected<error>(
          net::to_error(topic.error, std::nullopt, "cannot find the partitions of " + name));
    }
    for (auto const& partition : topic.partitions) {
      lane found{.topic = name, .partition = partition.index, .leader = partition.leader_id};
      for (auto const& broker : known.brokers) {
        if (broker.node_id != partition.leader_id) continue;
        auto address = resolve_address(broker.host, static_cast<std::uint16_t>(broker.port));
        if (!address) return unexpected<error>(address.error());
        found.address = *address;
        found.broker = fmt::format("{}:{}", broker.host, broker.port);
      }
      if (found.broker.empty()) {
        return fail(errc::not_found, "see `karst topic describe` and the brokers' logs",
                    "partition {}-{} has no leader", name, partition.index);
      }
      lanes.push_back(std::move(found));
    }
  }
  return {};
}

}  // namespace

task<expected<std::vector<lane>, error>> find_lanes(net::client& client,
                                                    load_options const& options) {
  std::vector<lane> lanes;
  for (std::int32_t i = 0; i < options.topics; ++i) {
    auto name = options.topic_name(i);
    auto made = co_await make_if_missing(client, name, options.partitions);
    if (!made) co_return unexpected<error>(made.error());
    // Waits until every partition has a leader.
    auto count = co_await client.partition_count(name, false);
    if (!count) co_return unexpected<error>(count.error());
    auto known = co_await client.metadata(std::vector{name});
    if (!known) co_return unexpected<error>(known.error());
    auto added = add_lanes(**known, name, lanes);
    if (!added) co_return unexpected<error>(added.error());
  }
  std::ranges::sort(lanes, {},
                    [](lane const& each) { return std::tie(each.partition, each.topic); });
  co_return lanes;
}

expected<std::vector<std::vector<lane>>, error> deal_lanes(std::vector<lane> const& lanes,
                                                           std::uint32_t connections) {
  std::map<std::int32_t, std::vector<lane>> by_leader;
  for (auto const& each : lanes) by_leader[each.leader].push_back(each);
  if (connections < by_leader.size()) {
    return fail(errc::invalid, "give at least as many connections as there are brokers",
                "{} connections cannot reach the {} brokers that lead partitions", connections,
                by_leader.size());
  }
  std::vector<std::vector<lane>> dealt(connections);
  std::size_t turn = 0;  // of the leader, among the leaders
  for (auto const& [leader, led] : by_leader) {
    auto const step = by_leader.size();
    auto const here = (connections - turn + step - 1) / step;  // connections to this leader
    for (std::size_t i = 0; i < std::max(here, led.size()); ++i) {
      dealt[turn + i % here * step].push_back(led[i % led.size()]);
    }
    ++turn;
  }
  return dealt;
}

}  // namespace karst::bench
