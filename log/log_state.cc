#include "log/log_state.h"

namespace karst::log {
namespace {

constexpr std::uint16_t state_version = 1;
constexpr std::size_t fixed_bytes = 2 + 8 + 4 + 16 + 2 + 4 + 3 * 8 + 2 * 16 + 8 + 8 + 8 + 4 + 4 + 4;

void put(byte_writer& out, log_position where) {
  out.put(where.segment.value);
  out.put(where.at.value);
}
log_position take_position(byte_reader& in) {
  offset segment{in.take<std::int64_t>()};
  return {segment, position{in.take<std::uint64_t>()}};
}

}  // namespace

std::size_t log_state::encoded_bytes() const {
  return fixed_bytes + topic.size() + epochs.size() * 12 + producers.size() + remainder.size();
}

void log_state::encode(byte_writer& out) const {
  out.put(state_version);
  out.put(id.value);
  out.put(generation.value);
  out.put_bytes(std::as_bytes(std::span{topic_id.bytes}));
  out.put_text(topic);
  out.put(partition);
  out.put(log_start.value);
  out.put(end.value);
  out.put(high_watermark.value);
  put(out, end_position);
  put(out, durable_through);
  out.put(index_valid_through.value);
  out.put(active_created);
  out.put(active_max_timestamp);
  out.put(static_cast<std::uint32_t>(epochs.size()));
  for (auto const& epoch : epochs) {
    out.put(epoch.epoch.value);
    out.put(epoch.start.value);
  }
  out.put(static_cast<std::uint32_t>(producers.size()));
  out.put_bytes(producers);
  out.put(static_cast<std::uint32_t>(remainder.size()));
  out.put_bytes(remainder);
}

bool log_state::decode(byte_reader& in) {
  if (in.take<std::uint16_t>() != state_version) return false;
  id.value = in.take<std::uint64_t>();
  generation.value = in.take<std::uint32_t>();
  auto uuid_bytes = in.take_bytes(topic_id.bytes.size());
  if (in.failed()) return false;
  std::memcpy(topic_id.bytes.data(), uuid_bytes.data(), uuid_bytes.size());
  topic = in.take_text();
  partition = in.take<std::int32_t>();
  log_start.value = in.take<std::int64_t>();
  end.value = in.take<std::int64_t>();
  high_watermark.value = in.take<std::int64_t>();
  end_position = take_position(in);
  durable_through = take_position(in);
  index_valid_through.value = in.take<std::uint64_t>();
  active_created = in.take<std::int64_t>();
  active_max_timestamp = in.take<std::int64_t>();
  auto epoch_count = in.take<std::uint32_t>();
  if (epoch_count > in.left() / 12) return false;
  epochs.clear();
  for (std::uint32_t i = 0; i < epoch_count; ++i) {
    leader_epoch epoch{in.take<std::int32_t>()};
    epochs.push_back({epoch, offset{in.take<std::int64_t>()}});
  }
  auto producer_bytes = in.take_bytes(in.take<std::uint32_t>());
  producers.assign(producer_bytes.begin(), producer_bytes.end());
  auto remainder_bytes = in.take_bytes(in.take<std::uint32_t>());
  remainder.assign(remainder_bytes.begin(), remainder_bytes.end());
  return !in.failed();
}

}  // namespace karst::log
