#include "bench/lane.h"

#include <map>

#include "reactor/core.h"

namespace karst::bench {
namespace {

// Whether it had to be made.
task<expected<bool, error>> make_if_missing(net::client& client, std::string name,
                                            std::int32_t partitions, bool make) {
  auto known = co_await client.metadata(std::vector{name});
  if (!known) co_return unexpected<error>(known.error());
  for (auto const& topic : (*known)->topics) {
    if (topic.error != net::error_code::unknown_topic_or_partition) continue;
    if (!make) {
      co_return unexpected<error>(net::to_error(topic.error, std::nullopt, "cannot read " + name));
    }
    auto made = co_await client.create_topic({.name = name, .partitions = partitions});
    // Another bench may have been quicker.
    if (!made && made.error().code != errc::exists) co_return unexpected<error>(made.error());
    co_return true;
  }
  co_return false;
}

// Waits until brokers know the topic and serve every partition of it: Kafka's tell clients of a new
// topic some time after it was made, and of its leaders before these serve.
task<expected<void, error>> wait_until_served(net::client& client, std::string name, bool made) {
  auto const patience = client.patience();
  auto count = co_await client.partition_count(name, false);
  while (made && !count && count.error().code == errc::not_found &&
         core::current().now() < patience) {
    co_await client.pause();
    count = co_await client.partition_count(name, false);
  }
  if (!count) co_return unexpected<error>(count.error());
  for (std::int32_t i = 0; i < *count; ++i) {
    auto end = co_await client.offset_at({name, i}, net::latest_timestamp);
    if (!end) co_return unexpected<error>(end.error());
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
                                                    load_options const& options, bool make) {
  std::vector<lane> lanes;
  for (std::int32_t i = 0; i < options.topics; ++i) {
    auto name = options.topic_name(i);
    auto made = co_await make_if_missing(client, name, options.partitions, make);
    if (!made) co_return unexpected<error>(made.error());
    auto served = co_await wait_until_served(client, name, *made);
    if (!served) co_return unexpected<error>(served.error());
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
                                                           std::uint32_t connections,
                                                           surplus others) {
  std::map<std::pair<std::int32_t, std::string>, std::vector<lane>> groups;
  for (auto const& each : lanes) groups[{each.leader, each.topic}].push_back(each);
  if (connections < groups.size()) {
    return fail(errc::invalid, fmt::format("give at least {}", groups.size()),
                "{} connections are too few: each serves one topic at one broker", connections);
  }
  std::vector<std::vector<lane>> dealt(connections);
  std::size_t turn = 0;  // of the group
  for (auto const& [group, members] : groups) {
    auto const step = groups.size();
    auto here = (connections - turn + step - 1) / step;  // connections of this group
    if (others == surplus::stay_idle) here = std::min(here, members.size());
    for (std::size_t i = 0; i < std::max(here, members.size()); ++i) {
      dealt[turn + i % here * step].push_back(members[i % members.size()]);
    }
    ++turn;
  }
  return dealt;
}

task<expected<std::unique_ptr<socket>, error>> connect_to(lane const& to) {
  auto peer = co_await socket::connect(to.address);
  if (peer) co_return std::move(*peer);
  co_return fail(peer.error(), "does the broker's advertised listener lead there?",
                 "cannot connect to {}, which leads {}-{}: {}", to.broker, to.topic, to.partition,
                 describe(peer.error()));
}

}  // namespace karst::bench
