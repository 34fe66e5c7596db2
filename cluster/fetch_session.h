#pragma once

#include <limits>
#include <string>
#include <vector>

#include "cluster/metadata_cache.h"
#include "net/messages/fetch.h"

namespace karst::cluster {

// What one client reads: partitions with their positions, in the order in which they are served,
// and what it was last told of each, so that an answer may leave out what has not changed
// (KIP-227). Every Fetch request works on one; it outlives the request when fetch_session_cache
// keeps it under an id. Within it a partition has a place, a small number that is used again once
// the partition is forgotten, and so has a topic; names are stored once for each topic. Plain state
// without I/O or clock, used on one core.
class fetch_session {
 public:
  using place = std::uint32_t;
  static constexpr place none = std::numeric_limits<place>::max();

  struct topic {
    std::string name;  // empty: not known yet, of an id
    uuid id;           // zero: asked for by name
    std::uint32_t partitions = 0;
    std::int32_t highest = -1;  // of the partitions' indexes, ever
    // As of the last resolve(): where the topic is, or why not.
    topic_metadata const* found = nullptr;
    net::error_code error = net::error_code::none;
  };
  struct partition {
    place in_topic = none;  // none: the place is free
    std::int32_t index = 0;
    std::int32_t current_leader_epoch = -1;
    std::int32_t last_fetched_epoch = -1;
    log::offset from;
    std::int32_t max_bytes = 0;
    place previous = none;
    place next = none;  // also of free places
    // What the client knows; no_offset: nothing, or an error.
    log::offset high_watermark = log::no_offset;
    log::offset log_start = log::no_offset;
  };
  // What was found out about a partition, as far as it decides whether the client must hear it.
  struct news {
    net::error_code error = net::error_code::none;
    log::offset high_watermark = log::no_offset;
    log::offset log_start = log::no_offset;
    bool records = false;
    bool diverging = false;
  };

  // From version 13 on topics have ids instead of names; a session stays with one or the other.
  explicit fetch_session(bool by_id) : by_id_(by_id) {}

  // Adds what the request names, or moves it to where the client is now. A partition that is named
  // twice is wanted as named last, where it was named first.
  void want(std::vector<net::fetch_request::topic> const& topics);
  void forget(std::vector<net::fetch_request::forgotten_topic> const& topics);

  bool by_id() const { return by_id_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Bytes that it takes, about.
  std::size_t memory() const;

  // In the order of service: for (auto at = first(); at != none; at = partition_at(at).next).
  place first() const { return first_; }
  partition const& partition_at(place at) const { return partitions_[at]; }
  topic const& topic_of(partition const& of) const { return topics_[of.in_topic]; }

  // Looks the topics up, unless this is the snapshot that they were looked up in last. As Kafka: an
  // id gets its name once; from then on the name decides, and another id behind it is an error.
  void resolve(metadata_snapshot const& snapshot);
  // It goes to another core, which has snapshots of its own.
  void forget_snapshot();

  // Whether an answer that leaves out what has not changed must tell this. It counts as told.
  bool tell(place at, news const& news);
  // Behind all others: it gave records, and now it is their turn.
  void move_to_end(place at);

  // The number that the next request must have.
  std::int32_t epoch() const { return epoch_; }
  void begin_epoch() {
    epoch_ = epoch_ == std::numeric_limits<std::int32_t>::max() ? 1 : epoch_ + 1;
  }

  // A request is being served: another one, by another connection, may not touch it meanwhile.
  bool busy = false;

 private:
  place topic_place(std::string_view name, uuid const& id, bool add);
  place find(place in_topic, std::int32_t index);
  place add(place in_topic, std::int32_t index);
  void remove(place at);
  void drop_topic(place at);
  void link_last(place at);
  void unlink(place at);
  void fill_index();
  void look_up(topic& wanted, metadata_snapshot const& snapshot) const;

  bool by_id_;
  std::int32_t epoch_ = 1;
  std::vector<topic> topics_;
  std::vector<place> free_topics_;
  hash_map<std::string, place> topics_by_name_;
  hash_map<uuid, place> topics_by_id_;
  std::vector<partition> partitions_;
  place first_free_ = none;
  place first_ = none;
  place last_ = none;
  std::size_t size_ = 0;
  std::size_t name_bytes_ = 0;
  // Places by topic and index. Made when first needed: requests that name partitions in order,
  // once, do without.
  hash_map<std::uint64_t, place> index_;
  bool indexed_ = false;
  std::uint64_t resolved_version_ = std::numeric_limits<std::uint64_t>::max();
};

}  // namespace karst::cluster
