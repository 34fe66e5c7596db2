#pragma once

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

#include "reactor/base/hash.h"

namespace karst::cluster {

// One topic of a request, as it is answered: its partitions, each once.
template <typename Partition>
struct distinct_topic {
  struct mention {
    Partition const* asked = nullptr;  // as named last: what Kafka serves
    bool repeated = false;             // named more than once
  };
  std::string_view name;
  std::vector<mention> partitions;
};

namespace internal {

// Adds the partitions of one entry to its topic. What is above all before it is new, so that a
// request in order, or for one partition, needs no index.
template <typename Partition>
void add_distinct(distinct_topic<Partition>& topic, std::vector<Partition> const& asked) {
  auto& known = topic.partitions;
  std::int64_t highest = std::numeric_limits<std::int64_t>::min();
  for (auto const& each : known) highest = std::max<std::int64_t>(highest, each.asked->index);
  hash_map<std::int32_t, std::size_t> places;  // of the first of `known`
  for (auto const& each : asked) {
    if (each.index > highest) {
      highest = each.index;
      known.push_back({&each});
      continue;
    }
    while (places.size() < known.size()) {
      auto const place = places.size();
      places.emplace(known[place].asked->index, place);
    }
    auto const [found, is_new] = places.emplace(each.index, known.size());
    if (is_new) {
      known.push_back({&each});
    } else {
      known[found->second] = {&each, true};
    }
  }
}

}  // namespace internal

// The topics and partitions that a request names, in the order of their first mention: a partition
// named twice is answered once, and a topic has one entry in the answer, as with Kafka (clients
// keep answers in maps). Refers to the request.
template <typename Topic, typename Partition = typename decltype(Topic::partitions)::value_type>
std::vector<distinct_topic<Partition>> distinct(std::vector<Topic> const& asked) {
  std::vector<distinct_topic<Partition>> topics;
  topics.reserve(asked.size());
  hash_map<std::string_view, std::size_t> places;
  for (auto const& each : asked) {
    auto place = topics.size();
    if (asked.size() > 1) place = places.emplace(each.name, place).first->second;
    if (place == topics.size()) topics.push_back({each.name, {}});
    topics[place].partitions.reserve(each.partitions.size());
    internal::add_distinct(topics[place], each.partitions);
  }
  return topics;
}

}  // namespace karst::cluster
