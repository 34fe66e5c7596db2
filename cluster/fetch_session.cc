#include "cluster/fetch_session.h"

namespace karst::cluster {
namespace {

// Entries of the hash maps, at the load that they have on average.
constexpr std::size_t index_entry_bytes = 48;
constexpr std::size_t topic_entry_bytes = 96;

std::uint64_t key_of(fetch_session::place in_topic, std::int32_t index) {
  return std::uint64_t{in_topic} << 32 | static_cast<std::uint32_t>(index);
}

}  // namespace

std::size_t fetch_session::memory() const {
  return sizeof *this + partitions_.capacity() * sizeof(partition) +
         (indexed_ ? size_ * index_entry_bytes : 0) + topics_.capacity() * sizeof(topic) +
         topics_.size() * topic_entry_bytes + name_bytes_;
}

fetch_session::place fetch_session::topic_place(std::string_view name, uuid const& id, bool add) {
  if (by_id_) {
    if (auto found = topics_by_id_.find(id); found != topics_by_id_.end()) return found->second;
  } else {
    if (auto found = topics_by_name_.find(name); found != topics_by_name_.end()) {
      return found->second;
    }
  }
  if (!add) return none;
  place at = none;
  if (free_topics_.empty()) {
    at = static_cast<place>(topics_.size());
    topics_.emplace_back();
  } else {
    at = free_topics_.back();
    free_topics_.pop_back();
  }
  if (by_id_) {
    topics_[at] = {.name = {}, .id = id};
    topics_by_id_.emplace(id, at);
  } else {
    topics_[at] = {.name = std::string{name}};
    topics_by_name_.emplace(std::string{name}, at);
    name_bytes_ += 2 * name.size();
  }
  resolved_version_ = std::numeric_limits<std::uint64_t>::max();
  return at;
}

void fetch_session::drop_topic(place at) {
  auto& gone = topics_[at];
  if (by_id_) {
    topics_by_id_.erase(gone.id);
    name_bytes_ -= gone.name.size();
  } else {
    topics_by_name_.erase(gone.name);
    name_bytes_ -= 2 * gone.name.size();
  }
  gone = {};
  free_topics_.push_back(at);
}

void fetch_session::fill_index() {
  if (indexed_) return;
  indexed_ = true;
  for (auto at = first_; at != none; at = partitions_[at].next) {
    index_.emplace(key_of(partitions_[at].in_topic, partitions_[at].index), at);
  }
}

fetch_session::place fetch_session::find(place in_topic, std::int32_t index) {
  if (index > topics_[in_topic].highest) return none;
  fill_index();
  auto found = index_.find(key_of(in_topic, index));
  return found == index_.end() ? none : found->second;
}

fetch_session::place fetch_session::add(place in_topic, std::int32_t index) {
  auto at = first_free_;
  if (at == none) {
    at = static_cast<place>(partitions_.size());
    partitions_.emplace_back();
  } else {
    first_free_ = partitions_[at].next;
  }
  partitions_[at] = {.in_topic = in_topic, .index = index};
  auto& topic = topics_[in_topic];
  ++topic.partitions;
  topic.highest = std::max(topic.highest, index);
  if (indexed_) index_.emplace(key_of(in_topic, index), at);
  link_last(at);
  ++size_;
  return at;
}

void fetch_session::remove(place at) {
  auto& gone = partitions_[at];
  auto in_topic = gone.in_topic;
  index_.erase(key_of(in_topic, gone.index));
  unlink(at);
  gone.in_topic = none;
  gone.next = first_free_;
  first_free_ = at;
  --size_;
  if (--topics_[in_topic].partitions == 0) drop_topic(in_topic);
}

void fetch_session::link_last(place at) {
  partitions_[at].previous = last_;
  partitions_[at].next = none;
  (last_ == none ? first_ : partitions_[last_].next) = at;
  last_ = at;
}

void fetch_session::unlink(place at) {
  auto const& entry = partitions_[at];
  (entry.previous == none ? first_ : partitions_[entry.previous].next) = entry.next;
  (entry.next == none ? last_ : partitions_[entry.next].previous) = entry.previous;
}

void fetch_session::want(std::vector<net::fetch_request::topic> const& topics) {
  for (auto const& topic : topics) {
    if (topic.partitions.empty()) continue;
    auto in_topic = topic_place(topic.name, topic.id, true);
    for (auto const& asked : topic.partitions) {
      auto at = find(in_topic, asked.index);
      if (at == none) at = add(in_topic, asked.index);
      auto& entry = partitions_[at];
      entry.current_leader_epoch = asked.current_leader_epoch;
      entry.last_fetched_epoch = asked.last_fetched_epoch;
      entry.from = {asked.fetch_offset};
      entry.max_bytes = asked.max_bytes;
    }
  }
}

void fetch_session::forget(std::vector<net::fetch_request::forgotten_topic> const& topics) {
  for (auto const& topic : topics) {
    for (auto index : topic.partitions) {
      auto in_topic = topic_place(topic.name, topic.id, false);
      if (in_topic == none) break;
      if (auto at = find(in_topic, index); at != none) remove(at);
    }
  }
}

void fetch_session::look_up(topic& wanted, metadata_snapshot const& snapshot) const {
  wanted.error = net::error_code::none;
  if (by_id_ && wanted.name.empty()) {
    wanted.found = snapshot.find(wanted.id);
    if (wanted.found == nullptr) wanted.error = net::error_code::unknown_topic_id;
    return;
  }
  wanted.found = snapshot.find(wanted.name);
  if (wanted.found == nullptr) {
    wanted.error = net::error_code::unknown_topic_or_partition;
  } else if (by_id_ && wanted.found->id != wanted.id) {
    wanted.error = net::error_code::inconsistent_topic_id;
  }
}

void fetch_session::resolve(metadata_snapshot const& snapshot) {
  if (resolved_version_ == snapshot.version) return;
  resolved_version_ = snapshot.version;
  for (auto& topic : topics_) {
    if (topic.partitions == 0) continue;
    look_up(topic, snapshot);
    if (topic.found != nullptr && topic.name.empty()) {
      topic.name = topic.found->name;
      name_bytes_ += topic.name.size();
    }
  }
}

void fetch_session::forget_snapshot() {
  resolved_version_ = std::numeric_limits<std::uint64_t>::max();
  for (auto& topic : topics_) topic.found = nullptr;
}

bool fetch_session::tell(place at, news const& news) {
  auto& entry = partitions_[at];
  auto failed = news.error != net::error_code::none;
  auto must = news.records || news.diverging || failed ||
              entry.high_watermark != news.high_watermark || entry.log_start != news.log_start;
  // After an error everything is told again, once it is over.
  entry.high_watermark = failed ? log::no_offset : news.high_watermark;
  entry.log_start = news.log_start;
  return must;
}

void fetch_session::move_to_end(place at) {
  unlink(at);
  link_last(at);
}

}  // namespace karst::cluster
