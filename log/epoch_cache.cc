#include "log/epoch_cache.h"

#include <algorithm>

#include "log/limits.h"

namespace karst::log {

epoch_cache::epoch_cache(std::vector<epoch_start> const& entries) {
  for (auto const& entry : entries) assign(entry.epoch, entry.start);
}

void epoch_cache::assign(leader_epoch epoch, offset start) {
  if (epoch.value < 0 || start.value < 0 || epoch == latest()) return;
  while (!entries_.empty() && (entries_.back().epoch > epoch || entries_.back().start >= start)) {
    entries_.pop_back();
  }
  // What gave way may have hidden this very epoch's own beginning.
  if (epoch == latest()) return;
  if (entries_.size() == limit::epochs_per_log) entries_.erase(entries_.begin());
  entries_.push_back({epoch, start});
}

void epoch_cache::truncate_from_end(offset end) {
  while (!entries_.empty() && entries_.back().start >= end) entries_.pop_back();
}

void epoch_cache::truncate_from_start(offset start) {
  auto first_after = std::ranges::upper_bound(entries_, start, {}, &epoch_start::start);
  if (first_after == entries_.begin()) return;
  auto holder = first_after - 1;
  holder->start = start;
  entries_.erase(entries_.begin(), holder);
}

leader_epoch epoch_cache::epoch_of(offset at) const {
  auto after = std::ranges::upper_bound(entries_, at, {}, &epoch_start::start);
  return after == entries_.begin() ? leader_epoch{} : (after - 1)->epoch;
}

epoch_end epoch_cache::end_of(leader_epoch requested, offset log_end) const {
  if (requested.value < 0 || requested > latest()) return {};
  if (requested == latest()) return {requested, log_end};
  auto higher = std::ranges::upper_bound(entries_, requested, {}, &epoch_start::epoch);
  if (higher == entries_.begin()) return {requested, higher->start};
  return {(higher - 1)->epoch, higher->start};
}

}  // namespace karst::log
