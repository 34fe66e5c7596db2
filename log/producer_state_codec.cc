// The two byte forms of producer_state: ours for journal state entries, and Kafka's .snapshot file.
#include <algorithm>

#include "log/limits.h"
#include "log/producer_state.h"
#include "reactor/base/crc32c.h"

namespace karst::log {
namespace {

constexpr std::size_t entry_bytes = 8 + 2 + 1 + 4 + 8 + 8;
constexpr std::size_t batch_bytes = 4 + 4 + 8 + 8;

constexpr std::int16_t snapshot_version = 1;
constexpr std::size_t snapshot_header_bytes = 2 + 4 + 4;  // version, CRC, count
constexpr std::size_t snapshot_crc_from = 6;              // the CRC covers count and entries
constexpr std::size_t snapshot_entry_bytes = 8 + 2 + 4 + 8 + 4 + 8 + 4 + 8;

// Puts and takes integers at a moving place; the caller has checked that there is room.
template <std::endian Order>
struct stream {
  std::byte* at;

  template <std::integral T>
  void put(T value) {
    Order == std::endian::big ? store_be(at, value) : store_le(at, value);
    at += sizeof value;
  }
};
template <std::endian Order>
struct source {
  std::byte const* at;

  template <std::integral T>
  T take() {
    auto value = Order == std::endian::big ? load_be<T>(at) : load_le<T>(at);
    at += sizeof value;
    return value;
  }
};

}  // namespace

std::size_t producer_state::encoded_size() const {
  std::size_t size = sizeof(std::uint32_t);
  for (auto const& [id, entry] : producers_) size += entry_bytes + entry.count * batch_bytes;
  return size;
}

void producer_state::encode(std::vector<std::byte>& to) const {
  auto begin = to.size();
  to.resize(begin + encoded_size());
  stream<std::endian::little> out{to.data() + begin};
  out.put(static_cast<std::uint32_t>(producers_.size()));
  for (auto id : sorted_ids()) {
    auto const& entry = *find(id);
    out.put(id.value);
    out.put(entry.epoch);
    out.put(entry.count);
    out.put(entry.coordinator_epoch);
    out.put(entry.transaction_start.value);
    out.put(entry.last_seen);
    for (std::size_t i = 0; i < entry.count; ++i) {
      auto const& batch = entry.batches[i];
      out.put(batch.last_sequence);
      out.put(batch.offset_delta);
      out.put(batch.last.value);
      out.put(batch.timestamp);
    }
  }
}

expected<void, karst::errc> producer_state::decode(std::span<std::byte const> bytes) {
  clear();
  if (bytes.size() < sizeof(std::uint32_t)) return fail(karst::errc::corrupt);
  source<std::endian::little> in{bytes.data()};
  auto const* end = bytes.data() + bytes.size();
  auto left = in.take<std::uint32_t>();
  if (left > limit::producers_per_log) return fail(karst::errc::corrupt);
  map decoded;
  for (; left != 0; --left) {
    if (static_cast<std::size_t>(end - in.at) < entry_bytes) return fail(karst::errc::corrupt);
    producer_id id{in.take<std::int64_t>()};
    producer_entry entry;
    entry.epoch = in.take<std::int16_t>();
    auto batches = in.take<std::uint8_t>();
    entry.coordinator_epoch = in.take<std::int32_t>();
    entry.transaction_start = {in.take<std::int64_t>()};
    entry.last_seen = in.take<std::int64_t>();
    auto room = static_cast<std::size_t>(end - in.at) / batch_bytes;
    if (batches > producer_entry::remembered || batches > room) return fail(karst::errc::corrupt);
    for (; batches != 0; --batches) {
      producer_batch batch;
      batch.last_sequence = in.take<std::int32_t>();
      batch.offset_delta = in.take<std::int32_t>();
      batch.last = {in.take<std::int64_t>()};
      batch.timestamp = in.take<std::int64_t>();
      entry.push(batch);
    }
    if (!decoded.insert({id, entry}).second) return fail(karst::errc::corrupt);
  }
  if (in.at != end) return fail(karst::errc::corrupt);
  producers_ = std::move(decoded);
  return {};
}

std::vector<std::byte> producer_state::encode_snapshot() const {
  std::vector<std::byte> bytes(snapshot_header_bytes + producers_.size() * snapshot_entry_bytes);
  stream<std::endian::big> out{bytes.data()};
  out.put(snapshot_version);
  out.at += sizeof(std::uint32_t);
  out.put(static_cast<std::int32_t>(producers_.size()));
  for (auto id : sorted_ids()) {
    auto const& entry = *find(id);
    auto newest = entry.count == 0 ? producer_batch{.last = no_offset} : *entry.newest();
    out.put(id.value);
    out.put(entry.epoch);
    out.put(newest.last_sequence);
    out.put(newest.last.value);
    out.put(newest.offset_delta);
    // Kafka's expiry counts from this field, ours from when the batch arrived.
    out.put(entry.last_seen);
    out.put(entry.coordinator_epoch);
    out.put(entry.transaction_start.value);
  }
  auto covered = std::span{bytes}.subspan(snapshot_crc_from);
  store_be(bytes.data() + sizeof snapshot_version, crc32c(0, covered.data(), covered.size()));
  return bytes;
}

expected<void, karst::errc> producer_state::decode_snapshot(std::span<std::byte const> bytes) {
  clear();
  if (bytes.size() < snapshot_header_bytes) return fail(karst::errc::corrupt);
  source<std::endian::big> in{bytes.data()};
  auto version = in.take<std::int16_t>();
  auto crc = in.take<std::uint32_t>();
  auto count = in.take<std::int32_t>();
  auto covered = bytes.subspan(snapshot_crc_from);
  if (version != snapshot_version || crc32c(0, covered.data(), covered.size()) != crc) {
    return fail(karst::errc::corrupt);
  }
  auto rest = bytes.size() - snapshot_header_bytes;
  if (count < 0 || rest != static_cast<std::size_t>(count) * snapshot_entry_bytes) {
    return fail(karst::errc::corrupt);
  }
  for (; count != 0; --count) {
    producer_id id{in.take<std::int64_t>()};
    producer_entry entry;
    entry.epoch = in.take<std::int16_t>();
    producer_batch newest;
    newest.last_sequence = in.take<std::int32_t>();
    newest.last = {in.take<std::int64_t>()};
    newest.offset_delta = in.take<std::int32_t>();
    newest.timestamp = in.take<std::int64_t>();
    entry.last_seen = newest.timestamp;
    entry.coordinator_epoch = in.take<std::int32_t>();
    entry.transaction_start = {in.take<std::int64_t>()};
    if (newest.last_sequence >= 0) entry.push(newest);
    if (producers_.size() == limit::producers_per_log) forget_longest_silent();
    producers_.insert({id, entry});
  }
  return {};
}

}  // namespace karst::log
