#pragma once

#include <memory>
#include <set>

#include "cluster/fetch_session.h"
#include "reactor/base/units.h"
#include "reactor/buffer.h"

namespace karst::cluster {

struct fetch_session_limits {
  // max.incremental.fetch.session.cache.slots of one core. At the limit a new session takes the
  // place of one that matters less, or is refused.
  std::size_t slots = 1000;
  // What all sessions of the core may take together: about 100 bytes a partition, so that 8 MiB
  // hold 80 sessions of 1,000 partitions. At the limit the same: a client that is refused asks
  // without a session, which costs it longer requests and nothing else.
  std::size_t bytes = 8 * MiB;
  // A session that nobody has used for so long makes room for any other; one that has lived for so
  // long may be replaced by a larger one.
  duration stale{120s};
};

// The fetch sessions of the connections of one core, by id. Which one makes room for a new one is
// decided as by Kafka (FetchSession.scala, FetchSessionCacheShard.tryEvict). A session
// goes to another core's cache with its client's connection, or when the client comes back by a
// connection of another core; so ids differ by core. Without I/O or clock; one core.
class fetch_session_cache {
 public:
  fetch_session_cache(core_id core, core_id cores, fetch_session_limits limits)
      : core_(core), cores_(cores), limits_(limits) {}

  // Keeps a session and returns its id, or 0: refused. Privileged: a follower's.
  std::int32_t add(std::shared_ptr<fetch_session> session, bool privileged, time_point now,
                   std::uint64_t random);
  // nullptr: not (or no longer) here.
  std::shared_ptr<fetch_session> find(std::int32_t id) const;
  // It has been used. False: it has grown out of the limit, and is gone.
  bool touch(std::int32_t id, time_point now);
  void remove(std::int32_t id);

  // A session on its way from one core's cache to another's; nullptr: none, or a request works on
  // it.
  struct leaving {
    std::shared_ptr<fetch_session> session;
    bool privileged = false;
    time_point created{};
  };
  leaving take(std::int32_t id);
  // Keeps it under the id it has; no if there is no room for it.
  void keep(std::int32_t id, leaving arrived, time_point now);

  std::size_t size() const { return sessions_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct value {  // of a session, as Kafka compares them; ids make it unique
    bool privileged = false;
    std::size_t partitions = 0;
    std::int32_t id = 0;
    auto operator<=>(value const&) const = default;
  };
  struct entry {
    std::shared_ptr<fetch_session> session;
    bool privileged = false;
    time_point created{};
    time_point used{};
    value worth;
    std::size_t bytes = 0;
  };
  bool make_room_for(fetch_session const& session, value const& worth, time_point now);
  bool evict_for(value const& newcomer, time_point now);
  void account(std::int32_t id, entry& of, time_point now);
  void withdraw(std::int32_t id, entry const& of);

  core_id core_;
  core_id cores_;
  fetch_session_limits limits_;
  hash_map<std::int32_t, entry> sessions_;
  std::set<std::pair<time_point, std::int32_t>> by_use_;
  // What may make room for any session, and what only for a privileged one; least worth first.
  std::set<value> evictable_by_all_;
  std::set<value> evictable_by_privileged_;
  std::size_t bytes_ = 0;
};

}  // namespace karst::cluster
