#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "log/batch.h"
#include "log/errc.h"
#include "reactor/base/expected.h"
#include "reactor/base/hash.h"

namespace karst::log {

// What is remembered of one appended batch, to recognise its retry.
struct producer_batch {
  std::int32_t last_sequence = -1;
  std::int32_t offset_delta = 0;  // last offset - first offset; also the sequence delta
  offset last;
  wall_ms timestamp = -1;  // the batch's max timestamp: answered again for LogAppendTime

  offset first() const { return last + -std::int64_t{offset_delta}; }
  std::int32_t first_sequence() const;
  bool operator==(producer_batch const&) const = default;
};

// One producer in one log: its epoch and its last five batches (clients keep at most five in
// flight), oldest first.
struct producer_entry {
  static constexpr std::size_t remembered = 5;

  std::int16_t epoch = -1;
  std::uint8_t count = 0;
  std::int32_t coordinator_epoch = -1;
  offset transaction_start = no_offset;  // of the open transaction; none until transactions exist
  wall_ms last_seen = -1;  // when the last batch was appended here; expiry counts from it
  std::array<producer_batch, remembered> batches{};

  producer_batch const* newest() const { return count == 0 ? nullptr : &batches[count - 1]; }
  // -1 when nothing is remembered.
  std::int32_t last_sequence() const { return count == 0 ? -1 : batches[count - 1].last_sequence; }
  void push(producer_batch const& batch);
  bool operator==(producer_entry const&) const = default;
};

// The idempotent producers of one log (Kafka: ProducerStateManager; KIP-98, KIP-360): a pure state
// machine, events in, verdicts out; no I/O and no clock. Lives with its log, on its core. It is
// part of what recovery must restore exactly: after a crash a retry of any of the last five batches
// must be recognised, so the log carries encode() in its state entries and calls update() while it
// replays.
class producer_state {
 public:
  // What to do with a batch that a client sends: append it, or answer again what its first copy was
  // given.
  struct verdict {
    std::optional<producer_batch> duplicate_of;
  };
  // Only for batches with a producer. Errors: invalid_producer_epoch (older than the one known),
  // out_of_order_sequence (not the next one after the last; a new epoch must start at 0; sequences
  // wrap from 2^31-1 to 0). A producer that is not known may start anywhere: its state may have
  // expired, or its records may have been deleted.
  expected<verdict, errc> check(batch_header const& batch) const;
  // The batch is in the log at `first`. A batch without a producer changes nothing. Never fails: in
  // replay the log is the truth.
  void update(batch_header const& batch, offset first, wall_ms now);
  // Forgets producers that were silent for `expiration_ms` (producer.id.expiration.ms), unless a
  // transaction of theirs is open.
  void expire(wall_ms now, std::int64_t expiration_ms);
  // The log was cut at `end`: batches at or above it are forgotten, and producers of which nothing
  // is left. Returns those: they may have older batches in the log than were remembered.
  std::vector<producer_id> truncate(offset end);
  // What `found`, which followed some of the log's batches, knows of `id`, if anything.
  bool adopt(producer_id id, producer_state const& found);
  void clear() { producers_.clear(); }

  std::size_t size() const { return producers_.size(); }
  producer_entry const* find(producer_id id) const;

  // The form kept in journal state entries: little-endian, producers in the order of their ids, all
  // five batches.
  std::size_t encoded_size() const;
  void encode(std::vector<std::byte>& to) const;  // appends encoded_size() bytes
  // Replaces the state; corrupt leaves it empty. The journal's own checksum has vouched for the
  // bytes: this only never trusts counts.
  [[nodiscard]] expected<void, karst::errc> decode(std::span<std::byte const> bytes);

  // Kafka's %020d.snapshot file (version 1): only the newest batch of each producer fits in it.
  std::vector<std::byte> encode_snapshot() const;
  [[nodiscard]] expected<void, karst::errc> decode_snapshot(std::span<std::byte const> bytes);

 private:
  using map = hash_map<producer_id, producer_entry>;
  std::vector<producer_id> sorted_ids() const;
  void forget_longest_silent();

  map producers_;
};

}  // namespace karst::log
