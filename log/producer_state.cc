#include "log/producer_state.h"

#include <algorithm>
#include <limits>

#include "log/limits.h"

namespace karst::log {
namespace {

bool follows(std::int32_t last, std::int32_t next) {
  return next == std::int64_t{last} + 1 ||
         (next == 0 && last == std::numeric_limits<std::int32_t>::max());
}

}  // namespace

std::int32_t producer_batch::first_sequence() const {
  if (last_sequence < 0) return last_sequence;
  auto first = std::int64_t{last_sequence} - offset_delta;
  // The batch may have wrapped from 2^31-1 to 0.
  if (first < 0) first += std::int64_t{std::numeric_limits<std::int32_t>::max()} + 1;
  return static_cast<std::int32_t>(first);
}

void producer_entry::push(producer_batch const& batch) {
  if (count == remembered) {
    std::shift_left(batches.begin(), batches.end(), 1);
    --count;
  }
  batches[count++] = batch;
}

producer_entry const* producer_state::find(producer_id id) const {
  auto found = producers_.find(id);
  return found == producers_.end() ? nullptr : &found->second;
}

expected<producer_state::verdict, errc> producer_state::check(batch_header const& batch) const {
  auto const* known = find(batch.producer);
  if (known == nullptr) return verdict{};
  if (batch.producer_epoch < known->epoch) {
    return std::unexpected(errc::invalid_producer_epoch);
  }
  if (batch.producer_epoch > known->epoch) {
    if (batch.base_sequence != 0) return std::unexpected(errc::out_of_order_sequence);
    return verdict{};
  }
  for (std::size_t i = 0; i < known->count; ++i) {
    auto const& earlier = known->batches[i];
    if (earlier.first_sequence() == batch.base_sequence &&
        earlier.last_sequence == batch.last_sequence()) {
      return verdict{earlier};
    }
  }
  if (!follows(known->last_sequence(), batch.base_sequence)) {
    return std::unexpected(errc::out_of_order_sequence);
  }
  return verdict{};
}

void producer_state::update(batch_header const& batch, offset first, wall_ms now) {
  if (!batch.has_producer()) return;
  auto found = producers_.find(batch.producer);
  if (found == producers_.end()) {
    if (producers_.size() == limit::producers_per_log) forget_longest_silent();
    found = producers_.insert({batch.producer, producer_entry{}}).first;
  }
  auto& entry = found.value();
  if (entry.epoch != batch.producer_epoch) {
    entry.epoch = batch.producer_epoch;
    entry.count = 0;
  }
  entry.last_seen = std::max(entry.last_seen, now);
  // A control batch ends a transaction; it has no sequence.
  if (batch.control()) return;
  entry.push({.last_sequence = batch.last_sequence(),
              .offset_delta = batch.last_offset_delta,
              .last = first + batch.last_offset_delta,
              .timestamp = batch.max_timestamp});
}

void producer_state::expire(wall_ms now, std::int64_t expiration_ms) {
  for (auto it = producers_.begin(); it != producers_.end();) {
    auto const& entry = it->second;
    auto expired = entry.transaction_start == no_offset && now - entry.last_seen >= expiration_ms;
    it = expired ? producers_.erase(it) : std::next(it);
  }
}

std::vector<producer_id> producer_state::truncate(offset end) {
  std::vector<producer_id> forgotten;
  for (auto it = producers_.begin(); it != producers_.end();) {
    auto& entry = it.value();
    while (entry.count != 0 && entry.newest()->last >= end) --entry.count;
    if (entry.count == 0) {
      forgotten.push_back(it->first);
      it = producers_.erase(it);
    } else {
      ++it;
    }
  }
  std::ranges::sort(forgotten);
  return forgotten;
}

bool producer_state::adopt(producer_id id, producer_state const& found) {
  auto const* known = found.find(id);
  if (known == nullptr) return false;
  producers_[id] = *known;
  return true;
}

void producer_state::forget_longest_silent() {
  auto oldest = std::ranges::min_element(producers_, {}, [](auto const& producer) {
    // The id breaks ties, so that what is forgotten does not depend on the map's order.
    return std::pair{producer.second.last_seen, producer.first};
  });
  producers_.erase(oldest);
}

std::vector<producer_id> producer_state::sorted_ids() const {
  std::vector<producer_id> ids;
  ids.reserve(producers_.size());
  for (auto const& [id, entry] : producers_) ids.push_back(id);
  std::ranges::sort(ids);
  return ids;
}

}  // namespace karst::log
