#include "bench/workload.h"

#include <yaml-cpp/yaml.h>

#include <functional>

#include "cluster/nearest_name.h"

namespace karst::bench {
namespace {

// As many keys as the benchmark's own distributors have.
constexpr std::uint32_t distinct_keys = 10'000;
// What its Kafka driver leaves at the client's default.
constexpr std::uint32_t in_flight = 5;
constexpr double rate_max = 1e9;
// Of producers and of consumers: as many as the options allow.
constexpr std::uint64_t connections_max = 10'000;

struct reading {
  workload result;
  std::int32_t producers_per_topic = 1;
  std::int32_t consumers_per_subscription = 1;
  bool has_random_payload = false;
  double random_share = 0;
};

using setting = std::function<expected<void, std::string>(reading&, YAML::Node const&)>;

template <typename T>
expected<T, std::string> number(YAML::Node const& node, T least, T most) {
  T value{};
  if (!YAML::convert<T>::decode(node, value) || !(value >= least && value <= most)) {
    return std::unexpected(fmt::format("must be a number from {} to {}", least, most));
  }
  return value;
}

// A whole number into a field.
template <typename Field>
setting whole(Field field, std::int64_t least, std::int64_t most) {
  return [=](reading& into, YAML::Node const& node) -> expected<void, std::string> {
    auto value = number<std::int64_t>(node, least, most);
    if (!value) return std::unexpected(value.error());
    auto& to = field(into);
    to = static_cast<std::remove_reference_t<decltype(to)>>(*value);
    return {};
  };
}

expected<void, std::string> set_minutes(duration& to, YAML::Node const& node) {
  auto minutes = number<double>(node, 0, 1e6);
  if (!minutes) return std::unexpected(minutes.error());
  to = duration{static_cast<std::int64_t>(*minutes * 60e9)};
  return {};
}

expected<void, std::string> set_keys(reading& into, YAML::Node const& node) {
  auto name = node.as<std::string>("");
  if (name == "NO_KEY") {
    into.result.load.keys = 0;
  } else if (name == "KEY_ROUND_ROBIN" || name == "RANDOM_NANO") {
    into.result.load.keys = distinct_keys;
    if (name == "RANDOM_NANO") into.result.notes.push_back("RANDOM_NANO: keys go in turn here");
  } else {
    return std::unexpected(std::string{"must be NO_KEY, KEY_ROUND_ROBIN or RANDOM_NANO"});
  }
  return {};
}

expected<void, std::string> set_rate(reading& into, YAML::Node const& node) {
  auto rate = number<double>(node, 0, rate_max);
  if (!rate) return std::unexpected(rate.error());
  into.result.load.record_rate = *rate;
  return {};
}

expected<void, std::string> set_random(reading& into, YAML::Node const& node) {
  if (YAML::convert<bool>::decode(node, into.has_random_payload)) return {};
  return std::unexpected(std::string{"must be true or false"});
}

expected<void, std::string> set_random_share(reading& into, YAML::Node const& node) {
  auto share = number<double>(node, 0, 1);
  if (!share) return std::unexpected(share.error());
  into.random_share = *share;
  return {};
}

expected<void, std::string> refuse_backlog(reading&, YAML::Node const& node) {
  if (node.as<double>(-1) == 0) return {};
  return std::unexpected(
      std::string{"is not served: make the backlog with `karst bench produce`, then read it with "
                  "`karst bench mixed --from-beginning`"});
}

expected<void, std::string> ignore(reading&, YAML::Node const&) { return {}; }

// In the order of the benchmark's own documentation.
std::vector<std::pair<std::string_view, setting>> const& settings() {
  static std::vector<std::pair<std::string_view, setting>> const all{
      {"name", ignore},
      {"topics", whole([](reading& to) -> auto& { return to.result.load.topics; }, 1, 10'000)},
      {"partitionsPerTopic",
       whole([](reading& to) -> auto& { return to.result.load.partitions; }, 1, 100'000)},
      {"keyDistributor", set_keys},
      {"messageSize",
       whole([](reading& to) -> auto& { return to.result.load.record_bytes; }, 0, 100 << 20)},
      {"useRandomizedPayloads", set_random},
      {"randomBytesRatio", set_random_share},
      // Each record of a batch has random bytes of its own anyway.
      {"randomizedPayloadPoolSize", ignore},
      {"payloadFile",
       [](reading& into, YAML::Node const& node) -> expected<void, std::string> {
         into.result.payload_file = node.as<std::string>("");
         return {};
       }},
      {"subscriptionsPerTopic",
       whole([](reading& to) -> auto& { return to.result.load.subscriptions; }, 1, 1'000)},
      {"producersPerTopic",
       whole([](reading& to) -> auto& { return to.producers_per_topic; }, 1, 10'000)},
      {"consumerPerSubscription",
       whole([](reading& to) -> auto& { return to.consumers_per_subscription; }, 1, 10'000)},
      {"producerRate", set_rate},
      {"consumerBacklogSizeGB", refuse_backlog},
      {"backlogDrainRatio", ignore},
      {"testDurationMinutes",
       [](reading& into, YAML::Node const& node) {
         return set_minutes(into.result.load.length, node);
       }},
      {"warmupDurationMinutes",
       [](reading& into, YAML::Node const& node) {
         return set_minutes(into.result.load.warm_up, node);
       }},
  };
  return all;
}

unexpected<error> unknown_key(std::string_view file, int line, std::string const& key) {
  cluster::nearest_name nearest{key};
  for (auto const& [name, set] : settings()) nearest.consider(name);
  auto remedy = nearest.found().empty()
                    ? std::string{"see the workloads of openmessaging/benchmark for its keys"}
                    : fmt::format("did you mean {}?", nearest.found());
  return fail(errc::invalid, remedy, "{} line {}: there is no key '{}' in a workload", file, line,
              key);
}

expected<void, error> read_settings(YAML::Node const& root, std::string_view file, reading& into) {
  for (auto const& entry : root) {
    auto const key = entry.first.as<std::string>("");
    auto const line = entry.first.Mark().line + 1;
    auto known = std::ranges::find(settings(), key, &std::pair<std::string_view, setting>::first);
    if (known == settings().end()) return unknown_key(file, line, key);
    if (auto set = known->second(into, entry.second); !set) {
      return fail(errc::invalid, "", "{} line {}: {} {}", file, line, key, set.error());
    }
  }
  return {};
}

}  // namespace

expected<workload, error> read_workload(std::string_view text, std::string_view file,
                                        load_options defaults) {
  reading into;
  into.result.load = std::move(defaults);
  auto& load = into.result.load;
  load.in_flight = in_flight;
  try {
    auto root = YAML::Load(std::string{text});
    if (!root.IsMap()) {
      return fail(errc::invalid, "write lines like `topics: 1`", "{} is no workload", file);
    }
    if (auto read = read_settings(root, file, into); !read) {
      return unexpected<error>(read.error());
    }
  } catch (YAML::Exception const& problem) {
    return fail(errc::invalid, "see the workloads of openmessaging/benchmark",
                "{} line {}: not YAML: {}", file, problem.mark.line + 1, problem.msg);
  }
  auto const topics = static_cast<std::uint64_t>(load.topics);
  auto const producers = topics * static_cast<std::uint64_t>(into.producers_per_topic);
  auto const consumers =
      topics * load.subscriptions * static_cast<std::uint64_t>(into.consumers_per_subscription);
  if (std::max(producers, consumers) > connections_max) {
    return fail(errc::invalid, "give fewer topics, producers or consumers",
                "{}: {} producers and {} consumers; the bench has {} connections for each", file,
                producers, consumers, connections_max);
  }
  load.connections = static_cast<std::uint32_t>(producers);
  load.consumers = static_cast<std::uint32_t>(consumers);
  if (into.has_random_payload) load.random_bytes = into.random_share;
  if (into.has_random_payload) into.result.payload_file.clear();
  return std::move(into.result);
}

}  // namespace karst::bench
