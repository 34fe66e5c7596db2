#include "cluster/fetch_session_cache.h"

namespace karst::cluster {
namespace {

// Of an entry in the map and in the sets.
constexpr std::size_t entry_bytes = 400;

}  // namespace

std::shared_ptr<fetch_session> fetch_session_cache::find(std::int32_t id) const {
  auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : found->second.session;
}

// Takes what is remembered of the session out of the sets.
void fetch_session_cache::withdraw(std::int32_t id, entry const& of) {
  by_use_.erase({of.used, id});
  evictable_by_all_.erase(of.worth);
  evictable_by_privileged_.erase(of.worth);
  bytes_ -= of.bytes;
}

void fetch_session_cache::account(std::int32_t id, entry& of, time_point now) {
  of.used = now;
  of.worth = {of.privileged, of.session->size(), id};
  of.bytes = entry_bytes + of.session->memory();
  by_use_.emplace(now, id);
  auto settled = now - of.created > limits_.stale;
  if (settled) evictable_by_all_.insert(of.worth);
  if (settled || !of.privileged) evictable_by_privileged_.insert(of.worth);
  bytes_ += of.bytes;
}

void fetch_session_cache::remove(std::int32_t id) {
  auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  withdraw(id, found->second);
  sessions_.erase(found);
}

// One session goes: the one that has been idle longest if it is stale, else the least worth of
// those that the newcomer may replace.
bool fetch_session_cache::evict_for(value const& newcomer, time_point now) {
  if (by_use_.empty()) return false;
  if (auto [used, id] = *by_use_.begin(); now - used > limits_.stale) {
    remove(id);
    return true;
  }
  auto const& evictable = newcomer.privileged ? evictable_by_privileged_ : evictable_by_all_;
  if (evictable.empty() || newcomer < *evictable.begin()) return false;
  remove(evictable.begin()->id);
  return true;
}

bool fetch_session_cache::make_room_for(fetch_session const& session, value const& worth,
                                        time_point now) {
  auto needed = entry_bytes + session.memory();
  if (limits_.slots == 0 || needed > limits_.bytes) return false;
  while (sessions_.size() >= limits_.slots || bytes_ + needed > limits_.bytes) {
    if (!evict_for(worth, now)) return false;
  }
  return true;
}

std::int32_t fetch_session_cache::add(std::shared_ptr<fetch_session> session, bool privileged,
                                      time_point now, std::uint64_t random) {
  if (!make_room_for(*session, {privileged, session->size(), 0}, now)) return 0;
  // Positive, not in use, and of no other core.
  auto const ids = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max()) / cores_;
  std::int32_t id = 0;
  while (id == 0 || sessions_.contains(id)) {
    id = static_cast<std::int32_t>(random++ % ids * cores_ + core_);
  }
  auto& made = sessions_[id];
  made = {.session = std::move(session), .privileged = privileged, .created = now};
  account(id, made, now);
  return id;
}

fetch_session_cache::leaving fetch_session_cache::take(std::int32_t id) {
  auto found = sessions_.find(id);
  if (found == sessions_.end() || found->second.session->busy) return {};
  auto& entry = found.value();
  entry.session->forget_snapshot();
  leaving taken{std::move(entry.session), entry.privileged, entry.created};
  remove(id);
  return taken;
}

void fetch_session_cache::keep(std::int32_t id, leaving arrived, time_point now) {
  if (sessions_.contains(id)) return;
  if (!make_room_for(*arrived.session, {arrived.privileged, arrived.session->size(), 0}, now)) {
    return;
  }
  auto& kept = sessions_[id];
  kept = {.session = std::move(arrived.session),
          .privileged = arrived.privileged,
          .created = arrived.created};
  account(id, kept, now);
}

bool fetch_session_cache::touch(std::int32_t id, time_point now) {
  auto found = sessions_.find(id);
  if (found == sessions_.end()) return false;
  auto& used = found.value();
  withdraw(id, used);
  account(id, used, now);
  if (bytes_ <= limits_.bytes) return true;
  remove(id);
  return false;
}

}  // namespace karst::cluster
