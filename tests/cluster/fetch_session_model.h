#pragma once

#include <algorithm>
#include <functional>
#include <list>
#include <map>

#include "cluster/fetch_session_cache.h"
#include "reactor/base/assert.h"

namespace karst::cluster::testing {

// A session as KIP-227 words it, simple and slow, beside the real one: whatever is done to both,
// they say the same. `choose(n)` gives numbers below n: random, or a fuzzer's bytes.
class fetch_session_model {
 public:
  using choice = std::function<std::uint32_t(std::uint32_t)>;

  fetch_session_model(bool by_id, choice choose)
      : by_id_(by_id), choose_(std::move(choose)), session_(by_id) {
    for (std::uint32_t i = 0; i < topics; ++i) {
      names_.emplace_back(1 + choose_(30), static_cast<char>('a' + i));
      ids_.push_back(make_uuid(i + 1, 1));
    }
  }

  void step() {
    switch (choose_(4)) {
      case 0:
        return want();
      case 1:
        return forget();
      default:
        return tell();
    }
  }

  void check() const {
    KARST_ASSERT(session_.size() == order_.size(), "{} {}", session_.size(), order_.size());
    auto at = session_.first();
    for (auto const& expected : order_) {
      KARST_ASSERT(at != fetch_session::none, "the order ends early");
      auto const& partition = session_.partition_at(at);
      KARST_ASSERT(key_of(at) == expected.first, "topic {}", key_of(at).first);
      KARST_ASSERT(partition.from.value == expected.second.offset, "{}", partition.from.value);
      KARST_ASSERT(partition.max_bytes == expected.second.max_bytes, "{}", partition.max_bytes);
      at = partition.next;
    }
    KARST_ASSERT(at == fetch_session::none, "the order goes on");
    // What was forgotten leaves room for what comes: the most at a time is what counts.
    KARST_ASSERT(session_.memory() < 4096 + 512 * topics + 256 * most_, "{} for {}",
                 session_.memory(), most_);
  }

 private:
  static constexpr std::uint32_t topics = 5;
  static constexpr std::uint32_t indexes = 9;
  using key = std::pair<std::uint32_t, std::int32_t>;
  struct known {
    std::int64_t offset = 0;
    std::int32_t max_bytes = 0;
    std::int64_t high_watermark = -1;
    std::int64_t log_start = -1;
  };
  using entry = std::pair<key, known>;

  key key_of(fetch_session::place at) const {
    auto const& partition = session_.partition_at(at);
    auto const& topic = session_.topic_of(partition);
    for (std::uint32_t i = 0; i < topics; ++i) {
      if (by_id_ ? topic.id == ids_[i] : topic.name == names_[i]) return {i, partition.index};
    }
    KARST_ASSERT(false, "an unknown topic {}", topic.name);
    return {};
  }

  std::list<entry>::iterator find(key which) {
    return std::ranges::find(order_, which, &entry::first);
  }

  void want() {
    std::vector<net::fetch_request::topic> request;
    for (auto count = choose_(4); count != 0; --count) {
      auto topic = choose_(topics);
      auto& asked = request.emplace_back();
      (by_id_ ? void(asked.id = ids_[topic]) : void(asked.name = names_[topic]));
      for (auto partitions = choose_(4); partitions != 0; --partitions) {
        auto index = static_cast<std::int32_t>(choose_(indexes)) - 1;
        auto offset = static_cast<std::int64_t>(choose_(1000));
        auto bytes = static_cast<std::int32_t>(choose_(1000));
        asked.partitions.push_back({.index = index, .fetch_offset = offset, .max_bytes = bytes});
        auto found = find({topic, index});
        if (found == order_.end()) found = order_.insert(found, {{topic, index}, {}});
        found->second.offset = offset;
        found->second.max_bytes = bytes;
      }
    }
    session_.want(request);
    most_ = std::max(most_, order_.size());
  }

  void forget() {
    std::vector<net::fetch_request::forgotten_topic> request;
    auto topic = choose_(topics);
    auto& asked = request.emplace_back();
    (by_id_ ? void(asked.id = ids_[topic]) : void(asked.name = names_[topic]));
    for (auto partitions = choose_(2 * indexes); partitions != 0; --partitions) {
      auto index = static_cast<std::int32_t>(choose_(indexes)) - 1;
      asked.partitions.push_back(index);
      std::erase_if(order_, [&](auto const& each) { return each.first == key{topic, index}; });
    }
    session_.forget(request);
  }

  void tell() {
    if (order_.empty()) return;
    auto at = session_.first();
    for (auto steps = choose_(static_cast<std::uint32_t>(order_.size())); steps != 0; --steps) {
      at = session_.partition_at(at).next;
    }
    auto found = find(key_of(at));
    auto& known = found->second;
    fetch_session::news news{.high_watermark = {choose_(3)}, .log_start = {choose_(2)}};
    if (choose_(6) == 0) news = {.error = net::error_code::not_leader_or_follower};
    news.records = news.error == net::error_code::none && choose_(4) == 0;
    news.diverging = news.error == net::error_code::none && choose_(9) == 0;
    auto must = news.records || news.diverging || news.error != net::error_code::none ||
                known.high_watermark != news.high_watermark.value ||
                known.log_start != news.log_start.value;
    known.high_watermark = news.high_watermark.value;
    known.log_start = news.log_start.value;
    KARST_ASSERT(session_.tell(at, news) == must, "expected {}", must);
    if (choose_(2) == 0) {
      session_.move_to_end(at);
      order_.splice(order_.end(), order_, found);
    }
  }

  bool by_id_;
  choice choose_;
  std::vector<std::string> names_;
  std::vector<uuid> ids_;
  fetch_session session_;
  std::list<entry> order_;
  std::size_t most_ = 0;
};

}  // namespace karst::cluster::testing
