#include "log/batch_builder.h"

#include <algorithm>

namespace karst::log {

void batch_builder::clear() {
  header_ = batch_header{.base = options_.base,
                         .leader_epoch = options_.leader_epoch,
                         .attributes = static_cast<std::int16_t>(options_.compression),
                         .producer = options_.producer,
                         .producer_epoch = options_.producer_epoch,
                         .base_sequence = options_.base_sequence};
  if (options_.time == timestamp_type::log_append_time) {
    header_.attributes |= batch_attributes::log_append_time;
  }
  if (options_.transactional) header_.attributes |= batch_attributes::transactional;
  if (options_.control) header_.attributes |= batch_attributes::control;
  records_.clear();
}

void batch_builder::add(wall_ms timestamp, std::optional<std::string_view> key,
                        std::optional<std::string_view> value, std::vector<record_header> headers) {
  if (header_.record_count == 0) header_.base_timestamp = timestamp;
  header_.max_timestamp = std::max(header_.max_timestamp, timestamp);
  record entry{.offset_delta = header_.record_count,
               .timestamp_delta = timestamp - header_.base_timestamp,
               .key = key,
               .value = value,
               .headers = std::move(headers)};
  auto begin = records_.size();
  records_.resize(begin + encoded_size(entry));
  encode(entry, records_.data() + begin);
  ++header_.record_count;
}

buffer batch_builder::finish() {
  KARST_ASSERT(header_.record_count > 0);
  std::vector<std::byte> deflated;
  if (options_.compression != codec::none) {
    deflate_.start(options_.compression, deflated, options_.level);
    deflate_.write(records_);
    deflate_.finish();
  }
  auto const& body = options_.compression == codec::none ? records_ : deflated;
  auto batch = buffer::allocate(batch_layout::header_bytes + body.size());
  header_.length = static_cast<std::int32_t>(batch.size() - batch_layout::length_end);
  header_.last_offset_delta = header_.record_count - 1;
  header_.encode(batch.data());
  std::ranges::copy(body, batch.data() + batch_layout::header_bytes);
  store_be(batch.data() + batch_layout::crc, compute_crc(batch.bytes()));
  options_.base_sequence = advance_sequence(options_.base_sequence, header_.record_count);
  clear();
  return batch;
}

}  // namespace karst::log
